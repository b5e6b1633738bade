"""Detects the kind of table in a file, by its name and its first bytes."""

from __future__ import annotations

import codecs
import json
import re
from pathlib import Path, PurePath

from evaluator.datasets.formats.encodings import UTF_8, contains_ascii, declared, recoded
from evaluator.datasets.formats.suffixes import JSON, OTHER_TEXTS, TABLES, TABS
from evaluator.datasets.formats.trec import is_header
from evaluator.datasets.reading import Kind

SAMPLE = 1 << 16
"""Bytes at the beginning of a file that are examined."""

SAMPLED_LINES = 20
JUNK = frozenset({"__macosx", "thumbs.db", "desktop.ini"})
NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?[0-9]+(?:\.0*)?")


def is_junk(path: PurePath) -> bool:
    """Whether operating systems leave such a file behind: hidden files, `__MACOSX`, `Thumbs.db`."""
    return any(part.startswith(".") or part.lower() in JUNK for part in path.parts)


def kind_of(path: Path) -> Kind | None:
    """The kind of table in a file; None if it holds no table but a single text, or something unknown."""
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return TABLES[suffix]
    if suffix == JSON:
        return "jsonl" if _is_json_lines(path) else "json"
    if suffix in TABS:
        return "qrels" if sniff(path) == "qrels" else "tsv"
    return None if suffix in OTHER_TEXTS else sniff(path)


def sniff(path: Path) -> Kind | None:
    """The kind of a text file by its first lines: SMART, or one of TREC's formats."""
    lines = _lines(path)
    if not lines:
        return None
    if re.fullmatch(r"\.I\s+\S+\s*", lines[0]):
        return "smart"
    start = "\n".join(lines[:SAMPLED_LINES]).lower()
    if "<top>" in start and "<num>" in "\n".join(lines).lower():
        return "topics"
    if "<doc>" in start and "<docno>" in "\n".join(lines).lower():
        return "trec-documents"
    return _columns_of(lines[:SAMPLED_LINES], path)


def _columns_of(lines: list[str], path: Path) -> Kind | None:
    """Whether every line has the columns of a run, or of qrels."""
    tabs = path.suffix.lower() in TABS
    rows = [line.split("\t") if tabs else line.split() for line in lines]
    if all(len(row) == 6 and WHOLE.fullmatch(row[3]) and NUMBER.fullmatch(row[4]) for row in rows):
        return "run"
    judgments = rows[1:] if is_header(rows[0]) and len(rows) > 1 else rows
    if all(len(row) in (3, 4) and WHOLE.fullmatch(row[-1]) and _are_ids(row[:-1]) for row in judgments):
        return "qrels"
    return None


def _are_ids(cells: list[str]) -> bool:
    return all(cell.split() == [cell] for cell in cells)


def _is_json_lines(path: Path) -> bool:
    """Whether a file named .json holds one object per line."""
    first, *rest = [*_lines(path)[:2], ""]
    if not (first.lstrip().startswith("{") and rest[0].lstrip().startswith("{")):
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return True


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
