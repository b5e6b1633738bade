r"""Text from data and people, made safe to show: one function for each medium. No text is shown without one of them.

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
    if text.isprintable():  # true for nearly all texts, and fast
        return text
    return "".join(" " if sign in "\n\r\t" else _visible(sign) for sign in text)


def is_one_line(text: str) -> bool:
    """Whether `one_line` leaves a text unchanged, so that it may be a name."""
    return one_line(text) == text


def on_terminal(text: str) -> str:
    """Each line of a text as `one_line`, with line breaks."""
    return "\n".join(map(one_line, text.replace("\r\n", "\n").split("\n")))


def shown_json(value: Any, *, indent: int | None = None) -> str:
    """JSON whose strings hold no character that a terminal acts on: such characters are escaped as `\\uXXXX`.

    Raises:
        TypeError, ValueError: as `json.dumps`; values of types unknown to JSON become strings.
    """
    text = json.dumps(value, indent=indent, default=str, ensure_ascii=False)
    # JSON's own syntax has no such characters but line breaks, so all others are inside strings.
    if text.replace("\n", "").isprintable():
        return text
    return "".join(
        sign if sign == "\n" or _visible(sign) == sign else _escaped_for_json(sign) for sign in text
    )


def _escaped_for_json(sign: str) -> str:
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
    r"""A text as one line of literal text for Streamlit's Markdown: labels, captions, messages, tooltips.

    A backslash is not enough: `\:smile:`, `http\://x` and ` -> ` become an emoji, a link and an arrow, because
    Streamlit looks for these in the text that Markdown leaves. Therefore the character that starts one of them is put
    into an element of its own (`:color[…]` without colours), which does not change the text for copying and searching.
    """
    line = " ".join(one_line(text).split())  # as HTML shows it; four leading spaces would start a code block
    return _NUMBERED.sub(r"\1\\\2", _SPECIAL.sub(_neutralized, line))


def _neutralized(match: re.Match[str]) -> str:
    sign = match[0]
    if match["live"]:
        return f":color[{sign}]"
    if match["drawn"]:
        return f"{_escaped(sign[:-2])}:color[{_escaped(sign[-2])}]{_escaped(sign[-1])}"
    return f"\\{sign}"


def _escaped(signs: str) -> str:
    return re.sub(r"([<>~])", r"\\\1", signs)


def plain_lines(text: str) -> str:
    """Each line of a text as `plain`, with line breaks."""
    return "  \n".join(map(plain, text.splitlines()))


def as_code(text: str) -> str:
    """An id as inline code in Markdown; `plain` if inline code would change it."""
    line = one_line(text)
    if not line.strip() or "`" in line or ":material/" in line:  # Streamlit replaces icons even in code
        return plain(text)
    return f"`{line}`"


def markdown(text: str) -> str:
    """A text in one line of a Markdown file, without markup."""
    line = " ".join(one_line(text).split())
    return _NUMBERED.sub(r"\1\\\2", re.sub(r"(^[-+=]|[\\`*_\[\]<>$~#|&!:@])", r"\\\1", line))


# --- files ---


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV in which spreadsheets see no text as a formula."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow([csv_cell(column) for column in columns])
    writer.writerows([csv_cell(value) for value in row] for row in rows)
    return text.getvalue()


def csv_cell(value: object) -> object:
    """A value as a spreadsheet's cell: a text that looks like a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value


def file_name(*parts: str, ending: str) -> str:
    """A file name made from some texts that every system accepts, such as `look-nDCG@10.csv`."""
    name = "".join(sign if sign.isalnum() or sign in "-_. @" else "_" for sign in "-".join(parts))
    return f"{name.lstrip(' .-')[:LONGEST_NAME].rstrip(' .-') or 'file'}.{ending}"
