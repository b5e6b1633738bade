"""Encodings of text files: what a file declares, what its bytes suggest, and reading it as UTF-8.

Bytes that an encoding does not have become 0xff, which no UTF-8 text holds, so that every reader finds them as it finds
bytes that are not UTF-8.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import BinaryIO, TextIO, cast

UTF_8 = "utf-8"
WESTERN = "windows-1252"
"""What a text is taken for that is not UTF-8 and declares nothing: it contains ISO 8859-1."""

HEAD = 1024
"""Bytes at the beginning of a file in which it may declare its encoding (https://encoding.spec.whatwg.org)."""

CHUNK = 1 << 20

BYTE_ORDER_MARKS = {
    codecs.BOM_UTF8: UTF_8,
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""UTF-32 before UTF-16, because one begins with the other."""

NAME = rb"""["']?\s*([A-Za-z0-9._:-]{1,40})"""
XML = re.compile(rb"\s*<\?xml[^>]{0,200}\sencoding\s*=\s*" + NAME)
META = re.compile(rb"<meta\s[^>]{0,500}charset\s*=\s*" + NAME, re.IGNORECASE)

ASCII = bytes(range(0x80))
LETTERS = bytes(range(0x41, 0x5B)) + bytes(range(0x61, 0x7B))
NO_TEXT = bytes({*range(0x20), 0x7F, 0x81, 0x8D, 0x8F, 0x90, 0x9D} - {*b"\t\n\v\f\r\x1a"})
"""Control characters that no text holds, and what windows-1252 leaves undefined."""
SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
"""A character of several bytes in UTF-8."""

ESCAPES = ("unicode-escape", "raw-unicode-escape")
"""What Python calls encodings although a backslash is none in them."""

MOST_ACCENTS = 3
"""Of a Western text, at least so many times as many letters are without an accent as with one."""

UNDECODABLE = "evaluator-undecodable"
codecs.register_error(UNDECODABLE, lambda error: ("\udcff", cast("UnicodeDecodeError", error).end))


def declared(head: bytes, *, html: bool = False) -> str | None:
    """The encoding that a file declares: by a byte order mark, in an XML declaration, or in a `<meta>` of HTML.

    ISO 8859-1 and ASCII are read as windows-1252, as browsers do (https://encoding.spec.whatwg.org).

    Args:
        head: the first bytes of the file.
        html: whether it is HTML.

    Returns:
        Python's name of the encoding; None if none is declared, or one that is unknown.
    """
    for mark, name in BYTE_ORDER_MARKS.items():
        if head.startswith(mark):
            return name
    match = XML.match(head) or (META.search(head) if html else None)
    if match is None:
        return None
    named = match[1].decode().lower()
    if not contains_ascii(named):
        return None
    return WESTERN if codecs.lookup(named).name in ("iso8859-1", "ascii") else named


def encoding_of(path: Path) -> str | None:
    """The encoding of a text file that is not UTF-8: as it declares, or else `guessed`; None for UTF-8."""
    named = declared_in(path)
    return guessed(path) if is_utf8(named) else named


def guessed(path: Path) -> str | None:
    """The encoding that the bytes of a file suggest; reads the whole file.

    Returns:
        windows-1252 if they are no UTF-8, all defined, and hold mostly letters without accents; else None.
    """
    with path.open("rb") as file:
        if _is_utf8(file):
            return None
        file.seek(0)
        return WESTERN if _is_western(file) else None


def is_html(path: Path) -> bool:
    """Whether a file is a page by its suffix."""
    return path.suffix.lower() in (".html", ".htm")


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    while chunk := file.read(CHUNK):
        yield chunk


def _is_utf8(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder(UTF_8)()
    try:
        for chunk in _chunks(file):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _is_western(file: BinaryIO) -> bool:
    letters = lone = in_sequences = 0
    for chunk in _chunks(file):
        if chunk.translate(None, NO_TEXT) != chunk:
            return False
        high = len(chunk.translate(None, ASCII))
        parts = sum(map(len, SEQUENCE.findall(chunk))) if high else 0
        lone, in_sequences = lone + high - parts, in_sequences + parts
        letters += len(chunk) - len(chunk.translate(None, LETTERS))
    return lone > in_sequences and MOST_ACCENTS * (lone + in_sequences) <= letters


@cache
def contains_ascii(name: str) -> bool:
    """Whether an encoding is known and writes every ASCII character as ASCII does, so that lines end at a line feed."""
    try:
        found = codecs.lookup(name)
        return (
            found._is_text_encoding
            and found.name not in ESCAPES
            and ASCII.decode(name) == ASCII.decode("ascii")
        )
    except (LookupError, UnicodeError):
        return False


def is_utf8(name: str) -> bool:
    """Whether a name means UTF-8, with or without byte order mark."""
    return codecs.lookup(name).name in (UTF_8, "utf-8-sig")


def recoded(content: bytes, name: str) -> bytes:
    """Bytes in an encoding as UTF-8; those that cannot be decoded become 0xff."""
    try:
        return content.decode(name, errors=UNDECODABLE).encode(errors="surrogateescape")
    except UnicodeError:  # of encodings that know no such handling
        return b"\xff"


def decoded(content: bytes, encoding: str | None = None, *, html: bool = False) -> str:
    """The text of a whole file, without byte order mark.

    Args:
        content: its bytes.
        encoding: read so if the file neither declares an encoding nor is UTF-8.
        html: whether it is HTML.

    Raises:
        UnicodeDecodeError: the bytes are not in that encoding.
    """
    named = declared(content[:HEAD], html=html)
    if named is None and encoding is not None:
        if not contains_ascii(encoding):
            return content.decode(encoding).removeprefix("\ufeff")
        try:
            return content.decode(UTF_8)
        except UnicodeDecodeError:
            named = encoding
    return content.decode(named or UTF_8).removeprefix("\ufeff")


def open_text(path: Path, name: str) -> TextIO:
    """A file as text with line feeds as they are; what cannot be decoded becomes U+DCFF."""
    return path.open(encoding=name, errors=UNDECODABLE, newline="\n")


def open_utf8(path: Path, encoding: str | None = None) -> BinaryIO:
    """A file as UTF-8, to be read in pieces.

    Args:
        encoding: its encoding; None: as it declares, or UTF-8.
    """
    name = encoding or declared_in(path)
    if is_utf8(name):
        return path.open("rb")
    return cast("BinaryIO", _Recoded(open_text(path, name)))


def declared_in(path: Path) -> str:
    """The encoding that a file declares, or UTF-8."""
    with path.open("rb") as file:
        return declared(file.read(HEAD), html=is_html(path)) or UTF_8


class _Recoded:
    """A text file as bytes of UTF-8; as much of a binary file as parsers use."""

    def __init__(self, text: TextIO) -> None:
        self._text = text

    def __enter__(self) -> _Recoded:
        return self

    def __exit__(self, *_: object) -> None:
        self._text.close()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, at most four times `size`."""
        return self._text.read(size).removeprefix("\ufeff").encode(errors="surrogateescape")

    def seek(self, position: int) -> int:
        """Go back to the start."""
        return self._text.seek(position)
