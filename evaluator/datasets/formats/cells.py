"""What cells of text say: lists (also as Python and NumPy print them), numbers, true and false."""

from __future__ import annotations

import ast
import json
import math
import re
from collections.abc import Container, Iterator

from evaluator.datasets.formats.fields import whole_number

ARRAY = re.compile(r"(?:np\.)?array\((\[.*\])(?:,\s*dtype=[^()]*)?\)", re.DOTALL)
"""What Python prints for a NumPy array; `print` shows only the list, without commas."""

TOKEN = re.compile(
    r"""\s*(?:('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|([\[\](),])|([^\s,\[\]()'"]+))""", re.DOTALL
)
"""A quoted text; a bracket or comma; or a word without quotes."""

TRUE, FALSE = 1, 0
DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:[.,][0-9]*)?|[.,][0-9]+)(?:[eE][+-]?[0-9]+)?")
"""A number; Excel in many countries writes a decimal comma."""

MISSING = ("None", "nan", "NaN", "null")
LONGEST_LIST = 1 << 22
"""Maximum characters of a cell that is read as a list."""

SEPARATORS = (";", "|", "\n", ",", " ")
"""What stands between ids in a cell; the first that a cell contains separates it."""


def flat(value: object) -> list[object]:
    """The items of a list and of the lists in it, without missing ones; a single value is the only item."""
    if isinstance(value, list | tuple):
        return [item for part in value for item in flat(part)]
    return [] if value is None or value == "" or value != value else [value]


def single(value: object) -> object:
    """The item of a list of one text, also of one that is written in a cell; any other value as it is."""
    if isinstance(value, str):
        if not value.startswith("["):
            return value
        items = listed(value, quoted=True)
    else:
        items = value if isinstance(value, list) else None
    return items[0] if items is not None and len(items) == 1 and isinstance(items[0], str) else value


def listed(cell: str, *, quoted: bool = False) -> list[object] | None:
    """The items of a list that is written in a cell; None if the cell holds no list.

    Args:
        cell: JSON (`["d1", "d2"]`), Python (`['d1', 'd2']`, lists inside lists), NumPy (`['d1' 'd2']`, `array([...])`).
        quoted: whether only lists of quoted texts count; `[sic]` may be a document's text, but also a list of one id.
    """
    content = cell.strip()
    if array := ARRAY.fullmatch(content):
        content = array[1]
    if not (content.startswith("[") and content.endswith("]")) or len(content) > LONGEST_LIST:
        return None
    items = _json_items(content)
    if items is None:
        items = _printed_items(content)
    if items is None or (quoted and not all(isinstance(item, str) for item in items)):
        return None
    return [item.text if isinstance(item, _Word) else item for item in items]


class _Word:
    """A word without quotes in a list."""

    def __init__(self, text: str) -> None:
        self.text = text


def _json_items(content: str) -> list[object] | None:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return flat(parsed) if isinstance(parsed, list) else None


def _printed_items(content: str) -> list[object] | None:
    """The items of a list as Python or NumPy print it."""
    items: list[object] = []
    position, depth = 0, 0
    while position < len(content):
        token = TOKEN.match(content, position)
        if token is None:
            return items if depth == 0 and not content[position:].strip() else None
        position = token.end()
        text, mark, word = token.groups()
        if mark:
            depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(mark, 0)
            if depth <= 0 and content[position:].strip():
                return None  # two lists, or words behind one
        elif text:
            unquoted = _unquoted(text)
            if unquoted is None:
                return None
            items.append(unquoted)
        elif word not in MISSING:
            items.append(_Word(word))
    return items if depth == 0 else None


def _unquoted(text: str) -> str | None:
    try:
        value = ast.literal_eval(text.replace("\n", "\\n"))
    except (ValueError, SyntaxError, MemoryError):
        return None
    return value if isinstance(value, str) else None


def separated(cell: str, known: Container[str]) -> list[str]:
    """The ids in a cell: one, or several with one of `SEPARATORS` between them.

    Args:
        cell: `d1` or `d1, d2`. It is divided if it is no known id itself, and one of its parts is.
        known: ids of the documents.
    """
    content = cell.strip()
    if content in known:
        return [content]
    for separator in SEPARATORS:
        if separator in content:
            parts = [part.strip() for part in content.split(separator) if part.strip()]
            if any(part in known for part in parts):
                return parts
    return [content] if content else []


def as_id(value: object) -> str:
    """A value as an id is written."""
    if isinstance(value, float) and value.is_integer():
        return whole_number(value)
    return str(value).strip()


def parts(cell: str) -> Iterator[str]:
    """All that a cell of text may name: itself, and what stands between its separators, of any kind."""
    yield cell
    for separator in SEPARATORS:
        if separator in cell:
            yield from (part.strip() for part in cell.split(separator))


def ids_in(cell: object, known: Container[str]) -> list[str]:
    """The ids in a cell: a value, a list, or ids with separators between them.

    Args:
        known: ids of the documents; see `separated`.
    """
    if isinstance(cell, str):
        in_list = listed(cell)
        return separated(cell, known) if in_list is None or cell in known else [as_id(id_) for id_ in in_list]
    return [as_id(value) for value in flat(cell)]


def boolean(value: object) -> int | None:
    """The grade of true and false, also written as text; None for any other value."""
    if isinstance(value, str):
        return {"true": TRUE, "false": FALSE}.get(value.strip().lower())
    return (TRUE if value else FALSE) if isinstance(value, bool) else None


def decimal(value: object) -> float | None:
    """A finite number, or its text; None for any other value."""
    if isinstance(value, str) and DECIMAL.fullmatch(value.strip()):
        value = float(value.strip().replace(",", "."))
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)
