r"""Text from data and people, made safe for its reader: one function for each medium, and no text is shown without one.

| medium | function |
|---|---|
| a page: Streamlit's Markdown, labels and tooltips among it | `plain`, `plain_lines`; `as_code` for ids |
| a terminal | `on_terminal`; `terminal.py` is the only module that prints |
| a log line, a message | `one_line`; `printable`, which also cuts |
| JSON in a terminal or a log | `shown_json` |
| CSV, for spreadsheets | `csv_text`, `csv_cell` |
| a file's name | `file_name` |
| a Markdown file | `markdown` |
| HTML | Jinja with autoescape (`report/page.py`); in scripts `textContent` |

What programs read is exact: JSON, JSON Lines, TREC's files, Parquet and DuckDB hold each text as it is.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
"""Invisible, but needed to write Persian, Hindi and emoji; they neither move the cursor nor change the direction."""

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A cell that begins with one of these, or its full-width form, is a formula to some spreadsheet."""

LONGEST_NAME = 80
"""Characters of a file's name, without its ending."""


def printable(text: str, length: int) -> str:
    """The text in one line, without control characters, cut at a length in characters."""
    shown = one_line(text[: length + 1])
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def one_line(text: str) -> str:
    """The text in one line: nothing in it moves the cursor, hides, or turns the direction of what follows."""
    if text.isprintable():  # which is nearly always, and known at once
        return text
    return "".join(" " if sign in "\n\r\t" else _visible(sign) for sign in text)


def is_one_line(text: str) -> bool:
    """Whether a text is `one_line` already, so that it may name something."""
    return one_line(text) == text


def on_terminal(text: str) -> str:
    """The text as `one_line`, its line breaks kept."""
    return "\n".join(map(one_line, text.replace("\r\n", "\n").split("\n")))


def shown_json(value: Any, *, indent: int | None = None) -> str:
    """JSON whose strings hold no character that a terminal acts on: those are written by their numbers.

    Raises:
        TypeError, ValueError: as `json.dumps`; what it does not know becomes a string.
    """
    written = json.dumps(value, indent=indent, default=str, ensure_ascii=False)
    # JSON's own syntax has no such character but line breaks, so each of them stands in a string.
    if written.replace("\n", "").isprintable():
        return written
    return "".join(sign if sign == "\n" or _visible(sign) == sign else _by_number(sign) for sign in written)


def _by_number(sign: str) -> str:
    return json.dumps(sign)[1:-1] if ord(sign) > 0x7F else f"\\u{ord(sign):04x}"


def _visible(sign: str) -> str:
    """The character itself, or a visible stand-in for an invisible one."""
    if sign not in JOINERS and unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return "\N{REPLACEMENT CHARACTER}"
    return sign


# --- pages ---

_SPECIAL = re.compile(
    r"(?P<drawn>(?<!\S)(?:<->|->|<-|--|>=|<=|~=)(?!\S))"  # Streamlit draws these as arrows and signs
    r"|(?P<live>:(?=[\w:+-]|$)|(?:(?<=http)|(?<=https)):(?=/)"  # of emoji, icons and directives; of links
    r"|(?<=www)\.|@(?=[-\w]+\.[-\w]))"  # of links and addresses
    r"|(?P<first>^[-+=])"  # of a list, or of the line below a heading
    r"|(?P<markup>[\\`*_\[\]{}<>$~#|&])",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"^(\d+)([.)])")


def plain(text: str) -> str:
    r"""A text as it is, in one line, where Streamlit's Markdown is read: labels, captions, messages, tooltips.

    A backslash is not enough: `\:smile:`, `http\://x` and ` -> ` become an emoji, a link and an arrow, because
    Streamlit looks for these in what Markdown has left as text. What begins one of them therefore stands in an element
    of its own (`:color[…]` without colours), which leaves letter by letter the text that is copied and searched.
    """
    line = " ".join(one_line(text).split())  # as HTML shows it; four spaces in front would be a program
    return _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(_apart, line))


def _apart(found: re.Match[str]) -> str:
    sign = found[0]
    if found["live"]:
        return f":color[{sign}]"
    if found["drawn"]:
        return f"{_escaped(sign[:-2])}:color[{_escaped(sign[-2])}]{_escaped(sign[-1])}"
    return f"\\{sign}"


def _escaped(signs: str) -> str:
    return re.sub(r"([<>~])", r"\\\1", signs)


def plain_lines(text: str) -> str:
    """A text as `plain`, its line breaks kept."""
    return "  \n".join(map(plain, text.splitlines()))


def as_code(text: str) -> str:
    """An id in Markdown, in the letters of code; `plain` where code would show something else."""
    line = one_line(text)
    if not line.strip() or "`" in line or ":material/" in line:  # which Streamlit replaces even there
        return plain(text)
    return f"`{line}`"


def markdown(text: str) -> str:
    """A text in one line of a Markdown file, without markup."""
    line = " ".join(one_line(text).split())
    return _NUMBERED.sub(r"\1\\\2", re.sub(r"(^[-+=]|[\\`*_\[\]<>$~#|&!:@])", r"\\\1", line))


# --- files ---


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV in which no text is a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([csv_cell(column) for column in columns])
    writer.writerows([csv_cell(value) for value in row] for row in rows)
    return text.getvalue()


def csv_cell(value: object) -> object:
    """A value as a spreadsheet's cell: a text that would be taken for a formula has an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def file_name(*parts: str, ending: str) -> str:
    """The name of a file that is called by some texts, one that every system takes: `look-nDCG@10.csv`."""
    kept = "".join(sign if sign.isalnum() or sign in "-_. @" else "_" for sign in "-".join(parts))
    return f"{kept.lstrip(' .-')[:LONGEST_NAME].rstrip(' .-') or 'file'}.{ending}"
