"""Rules for single values, the same in every format. Each error names the place and what to do."""

from __future__ import annotations

import math
import re
import reprlib

from evaluator.datasets.source import Place

INTEGRAL = re.compile(r"[+-]?[0-9]{1,10}(\.0*)?")
MIN_GRADE, MAX_GRADE = -(2**31), 2**31 - 1
"""Grades are stored as 32-bit integers."""

MAX_ID = 4096
"""Maximum characters of an id, which may be a file's path."""

PADDING = (
    "\t\n\v\f\r\x1c\x1d\x1e\x1f\x20\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200b\u200e\u200f\u2060\ufeff"
)
"""White space, and invisible characters without a meaning at the ends of an id: zero width space, marks of direction
and byte order, word joiner."""

WHITE_SPACE = re.compile(r"\s")

EXACT_FLOAT = 2**53
"""Below it, every whole number is exactly representable as a float."""

ROUNDED = re.compile(r"[+-]?[0-9](\.[0-9]+)?[eE]\+[0-9]+")
"""A large number as spreadsheets and programs write it once its last digits are lost: `1.23457E+18`."""


PLAIN_ID = re.compile(rf"(?![0-9.+-]+[eE])[!-~]{{1,{MAX_ID}}}")
"""Nearly every id: visible ASCII characters that do not begin as a rounded number does. It needs no further look."""


class Trimmed(str):
    """An id in whose cell there was padding around it; who takes in the rows counts these."""

    __slots__ = ()


def identifier(value: object, field: str, place: Place, *, encode: bool = False) -> str:
    """An id: text without white space or NUL, or a whole number, which is written as decimal text.

    Padding around it is left out; then it is `Trimmed`.

    Args:
        encode: whether white space in it is percent-encoded, as in the ids of files.

    Raises:
        DatasetError: the value is anything else, or too long.
    """
    if type(value) is str and PLAIN_ID.fullmatch(value):
        return value
    if is_rounded(value):
        raise place.error(
            f"the id {reprlib.repr(value)} in {field} is a rounded number, whose last digits are lost",
            "write ids as text: in a spreadsheet format the column as text, in a program convert the ids before saving",
        )
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    content = text(value, field, place)
    id_ = content.strip(PADDING)
    if len(id_) < len(content):
        id_ = Trimmed(id_)
    if len(id_) > MAX_ID:
        raise place.error(
            f"the id {reprlib.repr(id_)} in {field} has {len(id_)} characters",
            f"use at most {MAX_ID}; is {field} the column of the text?",
        )
    if encode:
        id_ = WHITE_SPACE.sub(lambda match: "".join(f"%{byte:02X}" for byte in match[0].encode()), id_)
    if id_.split() != [id_]:
        reason = "contains white space" if id_ else "is empty"
        raise place.error(
            f"the id {reprlib.repr(id_)} in {field} {reason}",
            "TREC files could not hold it: write ids without white space, or let the repair encode-ids write it as %20",
        )
    if "\0" in id_:
        raise place.error(f"the id {reprlib.repr(id_)} in {field} contains a NUL character", "remove it")
    return id_


def whole_number(value: float) -> str:
    """A float without a fraction as text: `7`, or with an exponent (`ROUNDED`) if it is too large to be exact."""
    return str(int(value)) if abs(value) < EXACT_FLOAT else f"{value:.16e}"


def is_rounded(value: object) -> bool:
    """Whether a value is a number that has lost its last digits, and so no id."""
    if isinstance(value, float):
        return abs(value) >= EXACT_FLOAT
    return isinstance(value, str) and ROUNDED.fullmatch(value.strip(PADDING)) is not None


def text(value: object, field: str, place: Place) -> str:
    """A text that can be encoded as UTF-8.

    Raises:
        DatasetError: the value is missing, not text, or holds half of a surrogate pair.
    """
    if value is None:
        raise place.error(f"{field} is missing", f"give every row the field {field}")
    if not isinstance(value, str):
        raise place.error(
            f"{field} is {reprlib.repr(value)}, which is of type {type(value).__name__}",
            "write it as text in quotes",
        )
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise place.error(
            f"{field} holds {value[error.start]!a}, half of a surrogate pair (character {error.start + 1})",
            "write the whole character, or remove it",
        ) from error
    return value


def optional_text(value: object, field: str, place: Place) -> str:
    """A text; the empty text for a missing value.

    Raises:
        DatasetError: the value is present but not valid text.
    """
    return "" if value is None else text(value, field, place)


def query_text(value: object, field: str, place: Place) -> str:
    """A query's text, which is not blank.

    Raises:
        DatasetError: the value is missing, not text, or blank.
    """
    content = text(value, field, place)
    if not content.strip():
        raise place.error(
            f"the query's {field} is empty", "write the query, or remove the row and its judgments"
        )
    return content


def items(value: object, field: str, place: Place) -> list[object]:
    """A list; the empty list for a missing value.

    Raises:
        DatasetError: the value is present but not a list.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise place.error(
            f"{field} is {reprlib.repr(value)}, which is of type {type(value).__name__}", "write it as a list"
        )
    return value


def tags(value: object, place: Place) -> tuple[str, ...]:
    """A query's tags: a list of texts, or none for a missing value.

    Raises:
        DatasetError: the value is anything else.
    """
    return tuple(text(tag, "tags", place) for tag in items(value, "tags", place))


def score(value: object, field: str, place: Place) -> float:
    """A document's score in a ranked list: a finite number, or its text, also with a decimal comma (`0,5`).

    Raises:
        DatasetError: the value is anything else.
    """
    try:
        number = math.nan
        if isinstance(value, str):
            number = float(value.replace(",", ".") if value.count(",") == 1 and "." not in value else value)
        elif isinstance(value, int | float):
            number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise place.error(f"the score {reprlib.repr(value)} in {field} is no number", "write it as a number")
    return number


def grade(value: object, field: str, place: Place) -> int:
    """A relevance grade: a whole number, possibly negative, written as a number or as text; 1.0 is 1.

    Raises:
        DatasetError: the value is not a whole number, or does not fit into 32 bits.
    """
    number: int | None = None
    if isinstance(value, str) and INTEGRAL.fullmatch(value.strip()):
        number = int(value.partition(".")[0])
    elif isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0:
        number = int(value)
    if number is None:
        raise place.error(
            f"the grade {reprlib.repr(value)} in {field} is not a whole number",
            "write grades as whole numbers, 1 and more for relevant",
        )
    if not MIN_GRADE <= number <= MAX_GRADE:
        raise place.error(
            f"the grade {number} in {field} is out of range", "write it as a small whole number"
        )
    return number
