"""The text that a reader of an HTML page sees, in one pass.

The parsers that build a tree as browsers do (lexbor, libxml2) need time that grows with the square of the depth or of
the attributes; a page of 5 MB can keep them busy for an hour. Text needs no tree.
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
"""Tags that begin no new line."""


def read_html(page: str) -> tuple[str, str]:
    """The title, that of the page or of its first `<h1>`, and the text, one line for each block."""
    seen: list[str] = []
    title = ""
    heading: slice | None = None
    position = 0
    while (start := page.find("<", position)) >= 0:
        seen.append(html.unescape(page[position:start]))
        name = NAME.match(page, start)
        tag = name[1].lower() if name else ""
        position = _end(page, start, tag)
        opening = not page.startswith("</", start)
        if tag and tag not in INLINE:
            seen.append("\n")
        elif position == start + 1:
            seen.append("<")
        if tag == "h1" and opening and heading is None:
            heading = slice(len(seen), None)
        elif tag == "h1" and heading and heading.stop is None and not opening:
            heading = slice(heading.start, len(seen))
        elif tag in UNSEEN and opening:
            inside, position = _content(page, position, tag)
            if tag == "title" and not title:
                title = " ".join(html.unescape(inside).split())
    seen.append(html.unescape(page[position:]))
    lines = (" ".join(line.split()) for line in "".join(seen).split("\n"))
    if heading and heading.stop and not title:
        title = " ".join("".join(seen[heading]).split())
    return title, "\n".join(filter(None, lines))


def _end(page: str, start: int, tag: str) -> int:
    """Where what begins with `<` ends: a tag, a comment or a declaration; a lone `<` is text."""
    if page.startswith("<!--", start):
        return _after(page, "-->", start + 4)
    if page.startswith(("<!", "<?"), start):
        return _after(page, ">", start)
    if not tag:
        return start + 1
    position = start
    while (found := TAG_END.search(page, position)) and found[1]:
        position = _after(page, found[1], found.end())
    return found.end() if found else len(page)


def _after(page: str, end: str, start: int) -> int:
    found = page.find(end, start)
    return len(page) if found < 0 else found + len(end)


def _content(page: str, start: int, tag: str) -> tuple[str, int]:
    """What is between here and the closing tag, and where that begins; everything if it is never closed."""
    closing = re.compile(rf"</{tag}\b", re.IGNORECASE).search(page, start)
    end = closing.start() if closing else len(page)
    return page[start:end], end
