"""No input, however broken, makes a reader raise, hang, or give anything but rows and defects."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluator.datasets.formats import members, read
from evaluator.datasets.reading import Kind, Table
from evaluator.datasets.recognition.recognise import Recognised, recognise
from evaluator.datasets.source import Place
from evaluator.datasets.staging.from_tables import open_source
from evaluator.domain.dataset import Document, Judgment, Query
from evaluator.errors import DatasetError

DATA = Path(__file__).parents[4] / "data"
EXAMPLES: dict[str, tuple[str, Kind]] = {
    "csv/queries.csv": ("a.csv", "csv"),
    "tsv/queries.tsv": ("a.tsv", "tsv"),
    "beir/queries.jsonl": ("a.jsonl", "jsonl"),
    "json/bread.json": ("a.json", "json"),
    "parquet/queries.parquet": ("a.parquet", "parquet"),
    "excel/bread.xlsx": ("a.xlsx", "excel"),
    "smart/bread.qry": ("a.qry", "smart"),
    "trec/topics.txt": ("topics.txt", "topics"),
    "trec/documents.sgml": ("a.sgml", "trec-documents"),
    "trec/qrels.txt": ("qrels.txt", "qrels"),
    "trec/first-words.run": ("a.run", "run"),
    "texts/notes/starter/feeding.md": ("a.md", "texts"),
    "texts/notes/sticky dough.html": ("a.html", "texts"),
}
"""A valid file of each kind, and the name under which it is broken."""

MOST_ROWS = 10_000
"""More than any of these files could hold."""

SPLINTERS = [
    *(b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"'", b"\n", b"\r", b"\xff\xff\xff\x7f"),
    *(b"\\ud800", b"\\u0000", b"[" * 2000, b"{" * 99, b"9" * 5000, b"-1", b"NaN", b"1e999"),
    *(b"</TEXT>", b"<top>", b".I 1\n", b"=cmd()"),
]

fuzzed = settings(
    max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)


@st.composite
def broken(draw: st.DrawFn, content: bytes) -> bytes:
    """The content with some bytes changed, cut, repeated or put in."""
    mutated = bytearray(content)
    for _ in range(draw(st.integers(1, 5))):
        start = draw(st.integers(0, len(mutated)))
        end = start + draw(st.integers(0, 40))
        new = draw(
            st.one_of(
                st.binary(max_size=8), st.sampled_from(SPLINTERS), st.just(bytes(mutated[start:end]) * 2)
            )
        )
        mutated[start:end] = new
    return bytes(mutated[: draw(st.sampled_from([len(mutated), len(mutated) // 2]))])


def check_tables(folder: Path, name: str, kind: Kind) -> None:
    """Read every table of a file; whatever is in it, there are rows and defects, each with a place."""
    for table in _tables(folder, name, kind):
        rows = list(itertools.islice(read(folder, table), MOST_ROWS))
        assert len(rows) < MOST_ROWS
        for place, row in rows:
            assert isinstance(place, Place)
            assert isinstance(row, DatasetError) or all(isinstance(column, str) for column in row)


def _tables(folder: Path, name: str, kind: Kind) -> Iterator[Table]:
    if kind == "texts":
        yield Table(".", "texts")
        return
    try:
        yield from (Table(name, kind, member) for member in members(folder, name, kind))
    except DatasetError:
        yield Table(name, kind)


def check_dataset(folder: Path) -> None:
    """Recognise a folder and read it as whatever it was taken for."""
    recognised = recognise(folder)
    assert Recognised.from_json(recognised.to_json()) == recognised
    for info in recognised.tables:
        assert all(cell == cell.encode().decode() for row in info.sample for cell in row.values())
    if recognised.reading is None:
        assert recognised.problems
        return
    source = open_source(folder, recognised.reading)
    for rows, kind in (
        (source.documents(), Document),
        (source.queries(), Query),
        (source.judgments(), Judgment),
    ):
        for _, row in rows:
            assert isinstance(row, (kind, DatasetError))
            if isinstance(row, tuple):
                assert "\0" not in row[0]
                assert row[0].encode().split() == [row[0].encode()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz")


@pytest.mark.parametrize("example", EXAMPLES)
@given(data=st.data())
@fuzzed
def test_a_broken_file(folder: Path, example: str, data: st.DataObject) -> None:
    name, kind = EXAMPLES[example]
    path = folder / name
    path.write_bytes(data.draw(broken((DATA / example).read_bytes())))
    try:
        check_tables(folder, name, kind)
        check_dataset(folder)
    finally:
        path.unlink()


@pytest.mark.parametrize("example", EXAMPLES)
@given(content=st.binary(max_size=200))
@fuzzed
def test_any_bytes(folder: Path, example: str, content: bytes) -> None:
    name, kind = EXAMPLES[example]
    path = folder / name
    path.write_bytes(content)
    try:
        check_tables(folder, name, kind)
        check_dataset(folder)
    finally:
        path.unlink()


@given(data=st.data())
@settings(fuzzed, max_examples=6)
def test_a_broken_pdf(folder: Path, data: st.DataObject) -> None:
    path = folder / "a.pdf"
    path.write_bytes(data.draw(broken((DATA / "texts/notes/storage.pdf").read_bytes())))
    try:
        check_tables(folder, path.name, "texts")
    finally:
        path.unlink()


@pytest.mark.parametrize("example", ["beir", "csv", "json", "smart", "trec", "triples", "questions"])
@given(data=st.data())
@settings(fuzzed, max_examples=20)
def test_a_dataset_with_one_broken_file(
    tmp_path_factory: pytest.TempPathFactory, example: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("dataset")
    files = sorted(path for path in (DATA / example).rglob("*") if path.is_file())
    chosen = data.draw(st.sampled_from(files))
    for file in files:
        path = folder / file.relative_to(DATA / example)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data.draw(broken(file.read_bytes())) if file == chosen else file.read_bytes())
    check_dataset(folder)
