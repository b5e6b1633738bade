"""Extracts the visible text of an HTML page, in one pass.

Parsers that build a tree as browsers do (lexbor, libxml2) take time quadratic in the depth or in the number of
attributes; a page of 5 MB can keep them busy for an hour. Extracting text needs no tree.
"""

from __future__ import annotations

import html
import re

NAME = re.compile(r"</?([A-Za-z][A-Za-z0-9-]{0,40})")
TAG_END = re.compile(r"""=\s*(["'])|>""")
UNSEEN = frozenset({"title", "script", "style", "noscript", "template", "svg", "textarea", "iframe"})
INLINE_TAGS = (
    "a abbr b bdi bdo cite code data del dfn em font i img ins kbd label mark q s samp small span strong sub sup "
    "time tt u var wbr"
)
INLINE = frozenset(INLINE_TAGS.split())
"""Tags that do not start a new line."""


def read_html(page: str) -> tuple[str, str]:
    """The title (the page's, or else its first `<h1>`), and the text, one line for each block."""
    pieces: list[str] = []
    title = ""
    heading: slice | None = None
    position = 0
    while (start := page.find("<", position)) >= 0:
        pieces.append(html.unescape(page[position:start]))
        name = NAME.match(page, start)
        tag = name[1].lower() if name else ""
        position = _end(page, start, tag)
        opening = not page.startswith("</", start)
        if tag and tag not in INLINE:
            pieces.append("\n")
        elif position == start + 1:
            pieces.append("<")
        if tag == "h1" and opening and heading is None:
            heading = slice(len(pieces), None)
        elif tag == "h1" and heading and heading.stop is None and not opening:
            heading = slice(heading.start, len(pieces))
        elif tag in UNSEEN and opening:
            inside, position = _content(page, position, tag)
            if tag == "title" and not title:
                title = " ".join(html.unescape(inside).split())
    pieces.append(html.unescape(page[position:]))
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n"))
    if heading and heading.stop and not title:
        title = " ".join("".join(pieces[heading]).split())
    return title, "\n".join(filter(None, lines))


def _end(page: str, start: int, tag: str) -> int:
    """The position behind the tag, comment or declaration that begins with `<`; a lone `<` is text."""
    if page.startswith("<!--", start):
        return _after(page, "-->", start + 4)
    if page.startswith(("<!", "<?"), start):
        return _after(page, ">", start)
    if not tag:
        return start + 1
    position = start
    while (match := TAG_END.search(page, position)) and match[1]:
        position = _after(page, match[1], match.end())
    return match.end() if match else len(page)


def _after(page: str, end: str, start: int) -> int:
    position = page.find(end, start)
    return len(page) if position < 0 else position + len(end)


def _content(page: str, start: int, tag: str) -> tuple[str, int]:
    """The content up to the closing tag, and the position of that tag; the rest of the page if there is none."""
    closing = re.compile(rf"</{tag}\b", re.IGNORECASE).search(page, start)
    end = closing.start() if closing else len(page)
    return page[start:end], end
