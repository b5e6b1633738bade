"""Comments and decisions in words, and as plain records; links in comments."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

from evaluator.domain.printable import plain, plain_lines
from evaluator.domain.teamwork.records import Comment, Decision

LINK = re.compile(r"https?://[^\s<>\"'`|\\^{}\[\]]+", re.IGNORECASE)
AFTER = ".,;:!?'\""
"""Characters at the end of a link that belong to the sentence around it."""
IN_ADDRESSES = "/?#@!$&*+,;=:-._~%"
"""Characters that an address may have, and that end no link in Markdown; parentheses would."""


def linked(text: str) -> str:
    """A text of somebody else for Streamlit's Markdown: as it is, with line breaks; http and https addresses are links.

    Nothing in it is drawn, loaded or run.
    """
    return "  \n".join(map(_linked_line, text.splitlines()))


def _linked_line(line: str) -> str:
    parts, end = [], 0
    for match in LINK.finditer(line):
        address = match[0].rstrip(AFTER)
        if address.endswith(")") and "(" not in address:
            address = address.rstrip(")" + AFTER)
        if not _has_host(address):
            continue
        # Spaces at its ends are a part's own: `plain` leaves them out.
        parts += [
            _plain(line[end : match.start()]),
            f"[{plain(address)}]({quote(address, safe=IN_ADDRESSES)})",
        ]
        end = match.start() + len(address)
    return "".join([*parts, _plain(line[end:]) if parts else plain_lines(line)])


def _plain(text: str) -> str:
    shown = plain(text)
    before = " " if text[:1].isspace() and shown else ""
    return f"{before}{shown}{' ' if text[-1:].isspace() else ''}"


def _has_host(address: str) -> bool:
    try:
        return bool(urlsplit(address).hostname)
    except ValueError:
        return False


def decision_words(decision: Decision) -> str:
    """Such as `hybrid ships (ann, 24 Nov 2026): as good as the best, and cheaper`."""
    what = "none of them ships" if decision.variant is None else f"{decision.variant} ships"
    why = f": {decision.reason}" if decision.reason else ""
    return f"{what} ({decision.person}, {decision.decided_at:%-d %b %Y}){why}"


def decision_record(decision: Decision) -> dict[str, Any]:
    """A decision as plain JSON types."""
    return {
        "variant": decision.variant,
        "reason": decision.reason,
        "by": decision.person,
        "at": decision.decided_at.isoformat(),
        "experiment": decision.experiment,
    }


def comment_record(comment: Comment) -> dict[str, Any]:
    """A comment as plain JSON types."""
    return {
        "number": comment.number,
        "experiment": comment.experiment,
        "variant": comment.variant,
        "query": comment.query,
        "by": comment.person,
        "text": comment.text,
        "at": comment.written_at.isoformat(),
        "edited_at": comment.edited_at and comment.edited_at.isoformat(),
    }
