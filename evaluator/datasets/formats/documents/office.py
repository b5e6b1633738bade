"""Extracts the text of files of office programs: Word (.docx), PowerPoint (.pptx) and OpenDocument (.odt).

They are zip archives with XML inside. The XML is parsed as a stream: nothing is built of it but its text, entities are
refused, and so is what unpacks to too much.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Callable
from xml.parsers import expat

CHUNK = 1 << 20
ROOM, TIMES, MOST = 64 << 20, 100, 512 << 20
"""Bytes to which the XML of any file may unpack, the multiple of its own size for a larger one, and the maximum."""

SLIDE = re.compile(r"ppt/slides/slide([0-9]{1,6})\.xml")
HEADING = re.compile(r"heading ?1|title|titel|titre1?|berschrift1", re.IGNORECASE)
"""Styles of a paragraph that is a document's title."""
WHITE_SPACE = re.compile(r"\s+")

DC_TITLE = "http://purl.org/dc/elements/1.1/ title"
ODF = ":opendocument:"
"""A part of the names of OpenDocument's namespaces."""
PARAGRAPHS = frozenset({"p", "h"})
BREAKS = {"br": "\n", "cr": "\n", "line-break": "\n", "tab": "\t", "s": " "}
SKIPPED = frozenset({"Fallback", "annotation", "tracked-changes", "note-citation"})
"""Elements that repeat the text beside them, or hold none of the document's."""

BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError, KeyError, OSError)
"""What `zipfile` raises for an archive that is broken, or has a password."""


def read_docx(content: bytes) -> tuple[str, str]:
    """Title (of the properties, or else the first heading) and paragraphs of a Word document.

    Raises:
        ValueError: the file cannot be read, or unpacks to too much.
    """
    with _Package(content) as package:
        body = package.text("word/document.xml")
        return package.title("docProps/core.xml") or body.heading, body.text


def read_pptx(content: bytes) -> tuple[str, str]:
    """Title (of the properties, or else of the first slide) and text of the slides of a presentation, without notes.

    Raises:
        ValueError: the file cannot be read, or unpacks to too much.
    """
    with _Package(content) as package:
        slides = {int(slide[1]): slide[0] for slide in map(SLIDE.fullmatch, package.names) if slide}
        if not slides:
            raise ValueError("it holds no slides")
        texts = [package.text(slides[number]) for number in sorted(slides)]
        heading = next((slide.heading for slide in texts if slide.heading), "")
        text = "\n\n".join(slide.text for slide in texts if slide.text)
        return package.title("docProps/core.xml") or heading, text


def read_odt(content: bytes) -> tuple[str, str]:
    """Title (of the properties, or else the first heading) and paragraphs of an OpenDocument text.

    Raises:
        ValueError: the file cannot be read, or unpacks to too much.
    """
    with _Package(content) as package:
        body = package.text("content.xml")
        return package.title("meta.xml") or body.heading, body.text


class _Package:
    """The archive of a document, and how much of it may still be unpacked."""

    def __init__(self, content: bytes) -> None:
        self._limit = self._remaining = min(MOST, max(ROOM, TIMES * len(content)))
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(content))
        except BROKEN as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def __enter__(self) -> _Package:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    @property
    def names(self) -> list[str]:
        """The names of the parts."""
        return self._archive.namelist()

    def text(self, part: str) -> _Text:
        """The text of a part."""
        text = _Text()
        self._parse(part, text.open, text.close, text.add)
        return text

    def title(self, part: str) -> str:
        """The title that the properties state; empty if there is none."""
        if part not in self.names:
            return ""
        title = _Title()
        self._parse(part, title.open, title.close, title.add)
        return " ".join("".join(title.pieces).split())

    def _parse(
        self,
        part: str,
        opened: Callable[[str, dict[str, str]], None],
        closed: Callable[[str], None],
        characters: Callable[[str], None],
    ) -> None:
        if part not in self.names:
            raise ValueError(f"it holds no {part}")
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = opened
        parser.EndElementHandler = closed
        parser.CharacterDataHandler = characters
        parser.EntityDeclHandler = _refuse_entity
        try:
            with self._archive.open(part) as file:
                while chunk := file.read(CHUNK):
                    self._remaining -= len(chunk)
                    if self._remaining < 0:
                        raise ValueError(f"it unpacks to more than {self._limit >> 20} MiB")
                    parser.Parse(chunk)
                parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise ValueError(f"{part} is not well formed: {error}") from error
        except BROKEN as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error


def _refuse_entity(*_: object) -> None:
    raise ValueError("it declares entities")


class _Title:
    """Collects the content of `<dc:title>`."""

    def __init__(self) -> None:
        self.pieces: list[str] = []
        self._inside = False

    def open(self, name: str, _attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        self._inside = name == DC_TITLE and not self.pieces

    def close(self, _name: str) -> None:
        """Handle the end of an element."""
        self._inside = False

    def add(self, content: str) -> None:
        """Handle text."""
        if self._inside:
            self.pieces.append(content)


class _Text:
    """Collects the paragraphs of a document, and finds its first heading."""

    def __init__(self) -> None:
        self.heading = ""
        self._paragraphs: list[str] = []
        self._open: list[list[str]] = []  # paragraphs may stand inside each other: a text box in a paragraph
        self._runs = 0
        self._skipped = 0
        self._is_heading = False
        self._is_odf = False

    @property
    def text(self) -> str:
        """The paragraphs, one a line."""
        return "\n".join(self._paragraphs)

    def open(self, name: str, attributes: dict[str, str]) -> None:
        """Handle the start of an element."""
        space, _, tag = name.rpartition(" ")
        if tag in SKIPPED or self._skipped:
            self._skipped += 1
        elif tag in PARAGRAPHS:
            self._open.append([])
            self._is_odf = ODF in space
            self._is_heading = tag == "h" or (self._is_heading and space.endswith("/drawingml/2006/main"))
        elif tag == "pStyle":
            self._is_heading = bool(HEADING.fullmatch(_attribute(attributes, "val")))
        elif tag == "sp":
            self._is_heading = False
        elif tag == "ph":
            self._is_heading = _attribute(attributes, "type") in ("title", "ctrTitle")
        elif tag == "t":
            self._runs += 1
        elif tag in BREAKS and self._open:
            self._open[-1].append(BREAKS[tag])

    def close(self, name: str) -> None:
        """Handle the end of an element."""
        tag = name.rpartition(" ")[2]
        if self._skipped:
            self._skipped -= 1
        elif tag == "t":
            self._runs -= 1
        elif tag in PARAGRAPHS and self._open:
            paragraph = "".join(self._open.pop()).strip()
            if paragraph:
                self._paragraphs.append(paragraph)
            if paragraph and self._is_heading and not self.heading:
                self.heading = " ".join(paragraph.split())

    def add(self, content: str) -> None:
        """Handle text; of Word and PowerPoint only runs are visible, not deleted text and the codes of fields."""
        if self._open and not self._skipped and (self._runs or self._is_odf):
            self._open[-1].append(WHITE_SPACE.sub(" ", content) if self._is_odf else content)


def _attribute(attributes: dict[str, str], name: str) -> str:
    """An attribute's value, whatever its namespace."""
    return next((value for key, value in attributes.items() if key.rpartition(" ")[2] == name), "")
