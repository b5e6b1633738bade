"""Reads a folder of texts: each plain text, Markdown, HTML, PDF, Word, PowerPoint or ODT file is one document."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from evaluator.datasets.formats.documents.markup import read_html
from evaluator.datasets.formats.documents.office import read_docx, read_odt, read_pptx
from evaluator.datasets.formats.documents.pdf import read_pdf
from evaluator.datasets.formats.encodings import decoded
from evaluator.datasets.formats.sniffing import is_junk, refuse_pointer, sniff
from evaluator.datasets.formats.text_lines import undecodable
from evaluator.datasets.reading import Table
from evaluator.datasets.source import Fields, Place, Row
from evaluator.errors import DatasetError

COLUMNS = ("id", "title", "text")
MAX_FILE = 64 * 2**20
"""Maximum bytes of a file."""

UNSAFE = re.compile(r"[\s%\x00-\x1f\x7f\ud800-\udfff]")
HEADING = re.compile(r"#{1,6}\s")


def read_texts(folder: Path, table: Table) -> Iterator[Row[Fields]]:
    """The files below a folder, in the order of their paths; a path becomes the document's id."""
    base = folder / table.file
    if not base.is_dir():
        raise DatasetError(f"{table.file} is no folder; choose the folder of the texts")
    for path in text_files(base):
        place = Place(printable(path.relative_to(folder).as_posix()))
        yield place, _document(path, path.relative_to(base).as_posix(), place, table.encoding)


def text_files(folder: Path) -> Iterator[Path]:
    """Files below a folder that are documents; files that hold a table are skipped."""
    for path in sorted(folder.rglob("*")):
        suffix = path.suffix.lower()
        if suffix not in READERS or is_junk(path.relative_to(folder)) or not path.is_file():
            continue
        if READERS[suffix] is not _plain or sniff(path) is None:
            yield path


def document_id(path: str) -> str:
    """A path as an id: white space, control characters and bytes that are not text are percent-encoded."""
    return UNSAFE.sub(lambda match: "".join(f"%{byte:02X}" for byte in os.fsencode(match[0])), path)


def printable(path: str) -> str:
    """A path as text that can be encoded."""
    return path.encode(errors="surrogateescape").decode(errors="replace")


def _document(path: Path, name: str, place: Place, encoding: str | None) -> Fields | DatasetError:
    size = path.stat().st_size
    if size > MAX_FILE:
        return place.error(
            f"the file has {size >> 20} MiB", f"split it: at most {MAX_FILE >> 20} MiB are read"
        )
    try:
        refuse_pointer(path, place.file)
        title, text = READERS[path.suffix.lower()](path.read_bytes(), encoding)
    except DatasetError as error:
        return error
    except UnicodeDecodeError as error:
        return undecodable(place, error, error.encoding)
    except ValueError as error:
        return place.error(f"not readable ({str(error)[:200]})", "export it again, or remove it")
    return {"id": document_id(name), "title": title or printable(path.stem), "text": text}


def _plain(content: bytes, encoding: str | None) -> tuple[str, str]:
    return "", decoded(content, encoding).strip()


def _markdown(content: bytes, encoding: str | None) -> tuple[str, str]:
    """The title is the first heading; a text that begins with it is returned without the heading."""
    text = decoded(content, encoding).strip()
    heading = next(filter(HEADING.match, text.splitlines()), "")
    title = heading.strip("#").strip()
    return title, text[len(heading) :].strip() if heading and text.startswith(heading) else text


def _html(content: bytes, encoding: str | None) -> tuple[str, str]:
    return read_html(decoded(content, encoding, html=True))


def _pdf(content: bytes, _encoding: str | None) -> tuple[str, str]:
    return "", read_pdf(content)


READERS: dict[str, Callable[[bytes, str | None], tuple[str, str]]] = {
    ".txt": _plain,
    ".text": _plain,
    ".md": _markdown,
    ".markdown": _markdown,
    ".html": _html,
    ".htm": _html,
    ".pdf": _pdf,
    ".docx": lambda content, _encoding: read_docx(content),
    ".pptx": lambda content, _encoding: read_pptx(content),
    ".odt": lambda content, _encoding: read_odt(content),
}
"""How a file's bytes become title and text, by its suffix."""
