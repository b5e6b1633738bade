"""No input, however broken, makes a reader raise, hang, or give anything but rows and defects."""

from __future__ import annotations

import itertools
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluator.datasets.formats import members, read
from evaluator.datasets.formats.sniffing import kind_of
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

WRITTEN: dict[str, tuple[Kind, str]] = {
    "CISI.REL": ("smart-qrels", "1 28 0 0.000000\n1 35 0 0.000000\n"),
    "TIME.REL": ("document-lists", "1  268 288\n\n2  326\n"),
    "ltr.txt": ("ltr", "# qid:1: rambo\n2 qid:1 1:0.5 # docid = d1\n1\tqid:2 #\td2\ttext\n"),
    "TIME.ALL": ("smart", "*TEXT 017 01/04/63 PAGE 020\nTHE ALLIES\n*FIND 1\nWHO\n*STOP\n"),
    "topics.xml": ("topics", '<topics><topic number="1"><query>a</query><desc>b<p>c</desc></topic></topics>'),
    "run.json": ("run", '{"q1": {"d1": 0.5, "d2": 0.25}, "q2": {"d1": 1}}'),
    "squad.json": (
        "squad",
        '{"data": [{"title": "T", "paragraphs": [{"context": "a", "qas": [{"id": "1", "question": "b", '
        '"is_impossible": true}]}]}, {"paragraphs": []}]}',
    ),
    "passages.jsonl": (
        "passages",
        '{"question": "a", "positive_ctxs": [{"id": 1, "title": "T", "text": "b"}], "negative_ctxs": []}\n'
        '{"query": "c", "query_id": "q", "passages": [{"passage_text": "d", "is_selected": 1}]}\n',
    ),
    "goldens.json": ("goldens", '[{"input": "a", "context": ["b", "c"], "expected_output": "d"}]'),
    "lotte.jsonl": ("lotte", '{"qid": 0, "query": "a", "answer_pids": [1, 2]}\n'),
    "judgments.json": (
        "judgment-ratings",
        '{"name": "a", "judgmentRatings": [{"query": "a", "ratings": [{"docId": "d1", "rating": "2.0"}]}]}',
    ),
    "scores.json": ("judgment-ratings", '{"judgmentScores": {"a": [{"docId": "d1", "score": "2.0"}]}}'),
    "set.json": ("query-set", '{"querySetQueries": [{"queryText": "a"}, {"queryText": "b"}]}'),
    "rank_eval.json": (
        "rank-eval",
        '{"requests": [{"id": "q", "request": {"query": {"bool": {"must": [{"match": {"t": "a"}}]}}}, '
        '"ratings": [{"_id": "d1", "rating": 2}]}, {"params": {"q": "b"}, "ratings": []}]}',
    ),
    "rre.json": (
        "rre",
        '{"topics": [{"query_groups": [{"queries": [{"placeholders": {"$query": "a"}}], '
        '"relevant_documents": {"3": ["d1"], "d2": {"gain": 1}}}]}]}',
    ),
    "quepid.json": ("quepid", '{"queries": [{"query_text": "a", "ratings": {"d1": 3}}]}'),
    "book.json": (
        "quepid-book",
        '{"query_doc_pairs": [{"query_text": "a", "doc_id": "d1", "judgements": [{"rating": 2}]}]}',
    ),
    "dump.json": (
        "elasticdump",
        '{"_id": "d1", "_source": {"text": "a"}}\n{"_id": "d2", "_source": {"text": "b"}}\n',
    ),
    "bulk.ndjson": ("bulk", '{"index": {"_id": "d1"}}\n{"text": "a"}\n{"create": {}}\n{"text": "b"}\n'),
}
"""A file of each kind for which there is no example, by its name."""

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


@pytest.mark.parametrize("name", WRITTEN)
@given(data=st.data())
@fuzzed
def test_a_broken_file_of_another_kind(folder: Path, name: str, data: st.DataObject) -> None:
    kind, content = WRITTEN[name]
    path = folder / name
    path.write_bytes(content.encode())
    assert kind_of(path) == kind
    path.write_bytes(data.draw(broken(content.encode())))
    try:
        check_tables(folder, name, kind)
        check_dataset(folder)
    finally:
        path.unlink()


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=3) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize("name", [name for name in WRITTEN if name.endswith(("json", "jsonl"))])
@given(data=st.data())
@fuzzed
def test_any_value_anywhere_in_a_shape(folder: Path, name: str, data: st.DataObject) -> None:
    """JSON stays valid, but a value, wherever it stands, is another one."""
    kind, content = WRITTEN[name]
    path = folder / name
    lines = content.splitlines()
    number = data.draw(st.integers(0, len(lines) - 1))
    lines[number] = json.dumps(_with_another_value(json.loads(lines[number]), data))
    path.write_text("\n".join(lines))
    try:
        check_tables(folder, name, kind)
        check_dataset(folder)
    finally:
        path.unlink()


def _with_another_value(value: Any, data: st.DataObject) -> Any:
    keys = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    if not keys or data.draw(st.integers(0, 4)) == 0:
        return data.draw(JSON_VALUES)
    key = data.draw(st.sampled_from(keys))
    value[key] = _with_another_value(value[key], data)
    return value


@given(data=st.data())
@settings(fuzzed, max_examples=12)
def test_a_broken_arrow_file(folder: Path, data: st.DataObject) -> None:
    table = pa.table({"id": ["d1", "d2"], "texts": [["a"], ["b", None]], "fields": [{"x": 1.5}, None]})
    path = folder / "a.arrow"
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)
    path.write_bytes(data.draw(broken(path.read_bytes())))
    try:
        check_tables(folder, path.name, "arrow")
        check_dataset(folder)
    finally:
        path.unlink()


@pytest.mark.parametrize(("name", "part"), [("a.docx", "word/document.xml"), ("a.odt", "content.xml")])
@given(data=st.data())
@fuzzed
def test_a_broken_office_file(folder: Path, name: str, part: str, data: st.DataObject) -> None:
    path = folder / name
    xml = (
        b'<?xml version="1.0"?><a xmlns:w="urn:w"><w:p><w:pStyle w:val="Title"/><w:t>b</w:t><w:br/></w:p></a>'
    )
    inside = data.draw(st.booleans())
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(part, data.draw(broken(xml)) if inside else xml)
    if not inside:
        path.write_bytes(data.draw(broken(path.read_bytes())))
    try:
        check_tables(folder, name, "texts")
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
