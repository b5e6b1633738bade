"""The demo dataset: docstrings of the standard library of the Python that runs this program.

Query: a docstring's first sentence. Document: the qualified name and the rest of that docstring.
Relevant: the query's own document. Sources are parsed, never imported.
"""

from __future__ import annotations

import ast
import json
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

DEMO_DATASET: Final = "python-stdlib"

MIN_SENTENCE_WORDS = 5
MIN_REST_WORDS = 15
QUERY_EVERY = 4
"""Every fourth document gets a query."""

TEST_FOLDERS = frozenset({"test", "tests", "idle_test"})
SENTENCE_END = re.compile(r"(?<=[.!?])\s+|\n\s*\n")

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Described(NamedTuple):
    """A module, class, function or method, and its docstring in two parts."""

    name: str
    sentence: str
    rest: str


def write_demo_dataset(folder: Path) -> None:
    """Write the demo dataset into a folder, in BEIR's format."""
    described = list(_described(Path(sysconfig.get_path("stdlib"))))
    targets = described[::QUERY_EVERY]
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    _write_objects(
        folder / "corpus.jsonl",
        [{"_id": item.name, "title": item.name, "text": item.rest} for item in described],
    )
    _write_objects(
        folder / "queries.jsonl",
        [{"_id": f"q{n}", "text": item.sentence} for n, item in enumerate(targets, start=1)],
    )
    judgments = [f"q{n}\t{item.name}\t1" for n, item in enumerate(targets, start=1)]
    lines = ["query-id\tcorpus-id\tscore", *judgments]
    (folder / "qrels" / "test.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _write_objects(path: Path, rows: list[dict[str, str]]) -> None:
    path.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), encoding="utf-8")


def _described(library: Path) -> Iterator[Described]:
    """All definitions with a long enough docstring, in the order of file names; names and sentences are unique."""
    names: set[str] = set()
    sentences: set[str] = set()
    for path, module in _modules(library, ()):
        for name, docstring in _docstrings(ast.parse(path.read_bytes()), module):
            sentence, rest = _split(docstring)
            if len(sentence.split()) < MIN_SENTENCE_WORDS or len(rest.split()) < MIN_REST_WORDS:
                continue
            if name in names or sentence in sentences:
                continue
            names.add(name)
            sentences.add(sentence)
            yield Described(name, sentence, rest)


def _modules(folder: Path, package: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    """Public modules below a folder, and their dotted names."""
    for path in sorted(folder.iterdir()):
        if path.name == "__init__.py" and package:
            yield path, ".".join(package)
        elif path.suffix == ".py" and _is_public(path.stem):
            yield path, ".".join((*package, path.stem))
        elif path.is_dir() and _is_public(path.name):
            yield from _modules(path, (*package, path.name))


def _is_public(name: str) -> bool:
    """Whether a name can be that of a module or package (`site-packages` cannot) that is neither private nor a test."""
    return name.isidentifier() and not name.startswith(("_", "test_")) and name not in TEST_FOLDERS


def _docstrings(node: ast.Module | ast.ClassDef | Function, name: str) -> Iterator[tuple[str, str]]:
    """Docstrings of a definition and of the public definitions inside it; those inside functions are skipped."""
    yield name, ast.get_docstring(node) or ""
    if isinstance(node, Function):
        return
    for child in node.body:
        if isinstance(child, ast.ClassDef | Function) and not child.name.startswith("_"):
            yield from _docstrings(child, f"{name}.{child.name}")


def _split(docstring: str) -> tuple[str, str]:
    """A docstring's first sentence, on one line, and what follows it."""
    sentence, *rest = SENTENCE_END.split(docstring, maxsplit=1)
    return " ".join(sentence.split()), "".join(rest)
