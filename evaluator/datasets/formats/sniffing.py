"""Detects the kind of table in a file, by its name and its first bytes."""

from __future__ import annotations

import codecs
import re
from pathlib import Path, PurePath

from evaluator.datasets.formats.encodings import UTF_8, contains_ascii, declared, recoded
from evaluator.datasets.formats.json_objects import holds_lines
from evaluator.datasets.formats.lines.judgments import (
    are_document_lists,
    cells_of,
    divided,
    has_iteration,
    is_comment,
    is_header,
    is_smart_judgment,
    is_tabbed,
)
from evaluator.datasets.formats.lines.ltr import are_ltr
from evaluator.datasets.formats.lines.runs import are_ranks, is_named_qrels
from evaluator.datasets.formats.shapes.registry import shape_kind
from evaluator.datasets.formats.suffixes import (
    ARCHIVES,
    COMPRESSED,
    DESCRIPTIONS,
    JSON,
    OTHER_TEXTS,
    TABLES,
    TABS,
)
from evaluator.datasets.reading import Kind
from evaluator.datasets.source import Place

SAMPLE = 1 << 16
"""Bytes at the beginning of a file that are examined."""

POINTER = b"version https://git-lfs.github.com/spec/v1"
"""How a Git LFS pointer begins (https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md)."""

SAMPLED_LINES = 20
JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
LINES: frozenset[Kind] = frozenset({"qrels", "smart-qrels", "document-lists", "ltr", "run"})
"""Kinds whose lines may be separated by tabs, and have no names of columns that matter."""

SMART = re.compile(r"\.I\s+\S+\s*|\*(?:TEXT|FIND)\s+[0-9]+\b.*")
"""The first line of SMART's records, or of TIME's."""
TOPICS = re.compile(r"<top(?:ic)?(?:\s[^<>]{0,500})?>", re.IGNORECASE)
NUMBERED = re.compile(r"<(?:num|number|id|identifier|qid)>|<topic\s[^<>]{0,500}>", re.IGNORECASE)
"""What TREC's topics have: their number is an element or an attribute."""

WHOLE = re.compile(r"[+-]?[0-9]+(?:\.0*)?")


def is_junk(path: PurePath) -> bool:
    """Whether operating systems leave such a file behind: hidden files, `__MACOSX`, `Thumbs.db`."""
    return any(part.startswith(".") or part.lower() in JUNK for part in path.parts)


def refuse_pointer(path: Path, name: str) -> None:
    """Refuse what Git leaves in place of a large file, whatever its suffix.

    Raises:
        DatasetError: the file is a Git LFS pointer.
    """
    if _is_pointer(path):
        raise Place(name).error(
            "it is a Git LFS pointer, not the file itself", "run `git lfs pull` where the files were cloned"
        )


def what_it_is(path: Path) -> str | None:
    """Why a file is no table although it may hold one, for people; None for any other file."""
    if path.name.lower().endswith((*ARCHIVES, *COMPRESSED)):
        return "an archive inside an archive, which is not unpacked: unpack it first"
    if _is_pointer(path):
        return "a Git LFS pointer, not the file itself: run `git lfs pull` where the files were cloned"
    return None


def _is_pointer(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(POINTER)) == POINTER


def kind_of(path: Path) -> Kind | None:
    """The kind of table in a file; None if it holds no table but a single text, or something unknown."""
    suffix = path.suffix.lower()
    if path.name.lower() in DESCRIPTIONS:
        return None
    if suffix == JSON or TABLES.get(suffix) == "jsonl":
        return shape_kind(path) or ("jsonl" if holds_lines(path) else "json")
    if suffix in TABLES:
        return TABLES[suffix]
    if suffix in TABS:
        kind = sniff(path)
        return kind if kind in LINES else "tsv"
    return None if suffix in OTHER_TEXTS else sniff(path)


def sniff(path: Path) -> Kind | None:
    """The kind of a text file by its first lines: SMART, or one of TREC's formats."""
    lines = _lines(path)
    if not lines:
        return None
    if SMART.fullmatch(lines[0]):
        return "smart"
    start = "\n".join(lines[:SAMPLED_LINES])
    if TOPICS.search(start) and NUMBERED.search("\n".join(lines)):
        return "topics"
    if "<doc>" in start.lower() and "<docno>" in "\n".join(lines).lower():
        return "trec-documents"
    return _columns_of(_without_comments(lines)[:SAMPLED_LINES], path)


def _without_comments(lines: list[str]) -> list[str]:
    """The lines below the comments at a file's beginning."""
    for number, line in enumerate(lines):
        if not is_comment(line, line.split(), leading=True):
            return lines[number:]
    return []


def _columns_of(lines: list[str], path: Path) -> Kind | None:
    """Whether every line has the columns of a run or of judgments."""
    if not lines:
        return None
    if are_ltr(lines):
        return "ltr"
    tabs = is_tabbed(path.name)
    rows = [cells_of(line, tabs=tabs) for line in lines]
    if all(len(row) == 6 and WHOLE.fullmatch(row[3]) and NUMBER.fullmatch(row[4]) for row in rows):
        return "run"
    if all(map(is_smart_judgment, rows)):
        return "smart-qrels"
    if are_document_lists(rows) and is_named_qrels(path):
        return "document-lists"
    if are_ranks(rows, path):
        return "run"
    below = slice(1, None) if is_header(rows[0]) and len(rows) > 1 else slice(None)
    whole = [not tabs or _is_whole(*line) for line in zip(lines, rows, strict=True)]
    if all(whole[below]) and all(map(_is_judgment, rows[below])):
        return "qrels"
    return None


def _is_judgment(cells: list[str]) -> bool:
    return len(cells) in (3, 4) and bool(WHOLE.fullmatch(cells[-1])) and _are_ids(cells[:-1])


def _is_whole(line: str, cells: list[str]) -> bool:
    """Whether white space within a tab's field is no text's: in a table, `windows 10` is no document and its grade."""
    return "\t" not in line or cells == divided(line) or has_iteration(cells)


def _are_ids(cells: list[str]) -> bool:
    return all(cell.split() == [cell] for cell in cells)


def _lines(path: Path) -> list[str]:
    """The file's first lines that are not blank; none if the file is not text."""
    with path.open("rb") as file:
        sample = file.read(SAMPLE)
    named = declared(sample) or UTF_8
    sample = (sample if contains_ascii(named) else recoded(sample, named)).removeprefix(codecs.BOM_UTF8)
    if b"\0" in sample:
        return []
    lines = [line for line in sample.decode(errors="replace").splitlines() if line.strip()]
    return lines[:-1] if len(lines) > 1 and path.stat().st_size > SAMPLE else lines
