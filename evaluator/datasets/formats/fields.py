"""Rules for one value of one row, the same in every format. Each refuses with the place and the way out."""

from __future__ import annotations

import math
import re
import reprlib

from evaluator.datasets.source import Place

INTEGRAL = re.compile(r"[+-]?[0-9]{1,10}(\.0*)?")
MIN_GRADE, MAX_GRADE = -(2**31), 2**31 - 1
"""Grades are stored as 32-bit integers."""

MAX_ID = 4096
"""Characters of the longest id: that of a path."""

EXACT_FLOAT = 2**53
"""Below it, a whole number is the same as a float."""


def identifier(value: object, field: str, place: Place) -> str:
    """An id: text without white space or NUL, or a whole number, which becomes its decimal text.

    Raises:
        DatasetError: it is anything else.
    """
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_FLOAT:
        return str(int(value))
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    written = text(value, field, place)
    if len(written) > MAX_ID:
        raise place.error(
            f"the id {reprlib.repr(written)} in {field} has {len(written)} characters",
            f"use at most {MAX_ID}; is {field} the column of the text?",
        )
    if written.split() != [written]:
        reason = "contains white space" if written.strip() else "is empty"
        raise place.error(
            f"the id {reprlib.repr(written)} in {field} {reason}",
            "TREC files could not hold it: write ids without white space",
        )
    if "\0" in written:
        raise place.error(f"the id {reprlib.repr(written)} in {field} contains a NUL character", "remove it")
    return written


def text(value: object, field: str, place: Place) -> str:
    """A text that can be encoded as UTF-8.

    Raises:
        DatasetError: it is missing, no text, or holds half of a surrogate pair.
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
    """A text, or nothing for one that is missing.

    Raises:
        DatasetError: it is there but no text.
    """
    return "" if value is None else text(value, field, place)


def query_text(value: object, field: str, place: Place) -> str:
    """A query's text, which says something.

    Raises:
        DatasetError: it is missing, no text, or blank.
    """
    written = text(value, field, place)
    if not written.strip():
        raise place.error(
            f"the query's {field} is empty", "write the query, or remove the row and its judgments"
        )
    return written


def items(value: object, field: str, place: Place) -> list[object]:
    """A list, or an empty one for one that is missing.

    Raises:
        DatasetError: it is there but no list.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise place.error(
            f"{field} is {reprlib.repr(value)}, which is of type {type(value).__name__}", "write it as a list"
        )
    return value


def tags(value: object, place: Place) -> tuple[str, ...]:
    """A query's tags: a list of texts, or nothing.

    Raises:
        DatasetError: it is anything else.
    """
    return tuple(text(tag, "tags", place) for tag in items(value, "tags", place))


def score(value: object, field: str, place: Place) -> float:
    """A document's score in a ranked list: a finite number.

    Raises:
        DatasetError: it is anything else.
    """
    try:
        number = float(value) if isinstance(value, str | int | float) else math.nan
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise place.error(f"the score {reprlib.repr(value)} in {field} is no number", "write it as a number")
    return number


def grade(value: object, field: str, place: Place) -> int:
    """A relevance grade: a whole number, possibly negative, written as a number or as text; 1.0 is 1.

    Raises:
        DatasetError: it is no whole number, or more than 32 bits hold.
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
