"""Text from elsewhere, made safe to show: in a terminal, a log line, a page."""

from __future__ import annotations

import unicodedata


def printable(text: str, length: int) -> str:
    """The text in one line, without control characters, cut at a length in characters."""
    head = text[: length + 1]
    shown = "".join(
        " " if character in "\n\r\t" else "\N{REPLACEMENT CHARACTER}" if _is_control(character) else character
        for character in head
    )
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def _is_control(character: str) -> bool:
    """Whether a character moves the cursor, changes the direction of what follows, or is half of one."""
    return unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
