"""Records that are stored as JSON: they read back as they were, also those that earlier versions wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.datasets.reading import Reading
from evaluator.domain.cost import VariantCost
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.endpoint import Budget, Endpoint
from evaluator.domain.experiment import EncoderSpec, ExperimentSpec
from evaluator.domain.json_record import JsonRecord
from evaluator.domain.variant import BM25, Chunk, CrossEncoder, Dense, Late, Rerank, Retrieve, Sparse, Variant
from evaluator.errors import DatasetError

STORED = (Path(__file__).parent / "stored_spec.json").read_text()
"""A spec with every kind of stage, as the database holds it. Never edit it: it stands for what users have stored."""

ADDED = {"tokenizer": None}
"""Fields of BM25 that later versions have added; they are optional, and do not count in fingerprints."""

ADDED_TO_ENCODERS: dict[str, list[str]] = {"unused_prompts": []}
"""The same of encoders."""

WITHIN = {
    "reading": {
        "corpus": {"table": {"file": "docs.csv", "kind": "csv"}, "text": "body"},
        "queries": {"table": {"file": "queries.csv", "kind": "csv"}, "text": "query"},
    }
}


def _add_fields(record: dict[str, Any]) -> None:
    record["variants"][0]["retrieve"]["bm25"] |= ADDED
    for encoder in record["encoders"].values():
        encoder |= ADDED_TO_ENCODERS
    record |= {"project": "main"}


def test_a_stored_spec_reads_as_it_was_and_keeps_its_fingerprints() -> None:
    spec = ExperimentSpec.from_json(json.loads(STORED))
    assert spec.id == "bbd8a79b03d63bfd"
    assert [variant.fingerprint for variant in spec.variants] == [
        "9f3f1d8500704178",
        "c0ccdcb826f82a52",
        "c8e8c4e8ee43fc7d",
    ]
    assert [encoder.fingerprint for encoder in spec.encoders.values()] == [
        "a35821b3f42988b5",
        "754a1fe4a6685d9d",
    ]
    stored = json.loads(STORED)
    _add_fields(stored)
    assert spec.to_json() == _tuples(stored)
    assert ExperimentSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_a_new_spec_is_stored_byte_for_byte_as_before() -> None:
    record = json.loads(STORED)
    record["variants"][0]["retrieve"]["bm25"]["k1"] = (
        1.0  # a whole number that somebody wrote without a point
    )
    _add_fields(record)
    record["variants"][1]["retrieve"]["fuse"]["weights"] = [1.0, 0.5, 2.0]
    assert json.dumps(ExperimentSpec.from_json(record).to_json()) == json.dumps(record)


def test_a_spec_from_before_endpoints_and_budgets_reads() -> None:
    record = json.loads(STORED)
    del record["endpoints"], record["budget"], record["policy"]
    spec = ExperimentSpec.from_json(record)
    assert (spec.endpoints, spec.budget, spec.policy) == ({}, None, 1)


def test_records_stored_under_wider_bounds_can_be_read() -> None:
    record = json.loads(STORED)
    record["variants"][0]["retrieve"]["bm25"]["k1"] = 5000.0  # at most 1000 since
    record["variants"][2]["retrieve"]["dense"]["encoder"] = "ada\t"  # printable since
    spec = ExperimentSpec.from_json(record)
    assert spec.variants[0].retrieve.bm25 is not None
    assert spec.variants[0].retrieve.bm25.k1 == 5000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"depth": None}, "depth"),
        ({"colour": "red"}, "colour"),
        ({"variants": [{"name": "a", "retrieve": {"bm25": {"k9": 1}}}]}, r"variants.0.retrieve.bm25.k9"),
        ({"variants": [{"name": "a", "retrieve": {}}]}, "exactly one of"),
    ],
)
def test_a_damaged_spec_says_where(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ExperimentSpec.from_json({**json.loads(STORED), **change})


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("corpus", "table", "kind"), "exe", r"corpus.table.kind: Input should be 'csv'.*not 'exe'"),
        (
            ("corpus", "table", "file"),
            "../secret.csv",
            r"corpus.table: the file '../secret.csv' is not a path inside",
        ),
        (("corpus", "table", "file"), "/etc/passwd", "is not a path inside the folder"),
        (("queries", "tags"), 7, r"queries.tags: Input should be a valid string, not 7"),
        (("queries", "titel"), "t", r"queries.titel: Unexpected keyword argument"),
        (("qrels",), {"query": "q"}, r"qrels.table: Field required"),
    ],
)
def test_a_wrong_reading_names_the_field(place: tuple[str, ...], value: Any, message: str) -> None:
    record = json.loads(json.dumps(WITHIN["reading"]))
    inner = record
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    with pytest.raises(DatasetError, match=message):
        Reading.from_json(record)


def test_a_reading_that_a_person_wrote_may_leave_out_or_say_null() -> None:
    plain = Reading.from_json(WITHIN["reading"])
    assert plain.corpus.text == ("body",)
    assert Reading.from_json({**WITHIN["reading"], "qrels": None, "runs": None, "format": None}) == plain


TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
COUNTS = st.integers(0, 10**12)
NAMES = st.text("abcXYZ019_+-", min_size=1, max_size=8)
CHUNKS = st.none() | st.builds(Chunk, size=st.integers(100, 200), overlap=st.integers(0, 99))
LEAVES = st.one_of(
    st.builds(Retrieve, bm25=st.builds(BM25, k1=st.integers(0, 3) | st.floats(0, 3), chunk=CHUNKS)),
    st.builds(Retrieve, dense=st.builds(Dense, encoder=TEXTS, dimensions=st.none() | COUNTS, chunk=CHUNKS)),
    st.builds(Retrieve, sparse=st.builds(Sparse, encoder=TEXTS, chunk=CHUNKS)),
    st.builds(Retrieve, late=st.builds(Late, encoder=TEXTS, chunk=CHUNKS)),
)
RERANKS = st.none() | st.lists(
    st.builds(Rerank, cross_encoder=st.builds(CrossEncoder, model=TEXTS), depth=COUNTS),
    min_size=1,
    max_size=3,
).map(tuple)
ENDPOINTS = st.builds(
    Endpoint,
    name=NAMES,
    base_url=st.just("https://a.example/v1"),
    model=TEXTS,
    timeout=st.integers(1, 9) | st.floats(1, 9),
)
ENCODERS = st.builds(
    EncoderSpec,
    kind=st.just("endpoint"),
    source=st.just("endpoint"),
    endpoint=st.none() | ENDPOINTS,
    max_length=st.none() | COUNTS,
    tokenizer=st.none() | TEXTS,
)
RECORDS = st.one_of(
    st.builds(
        ExperimentSpec,
        variants=st.lists(st.builds(Variant, NAMES, LEAVES, RERANKS), min_size=1, max_size=3).map(tuple),
        encoders=st.dictionaries(TEXTS, ENCODERS, max_size=2),
        measures=st.just(("nDCG@10",)),
        endpoints=st.dictionaries(NAMES, ENDPOINTS, max_size=2),
        budget=st.none() | st.builds(Budget, usd=st.integers(1, 9) | st.floats(0.1, 9)),
        queries_per_job=st.just("auto") | COUNTS,
    ),
    st.from_type(VariantCost),
    st.from_type(DatasetManifest),
)


@given(RECORDS)
def test_records_read_back_are_equal(record: JsonRecord) -> None:
    again = type(record).from_json(json.loads(json.dumps(record.to_json())))
    assert again == record or "nan" in repr(record)
    for name in ("id", "fingerprint"):
        assert getattr(again, name, None) == getattr(record, name, None)


def _tuples(value: Any) -> Any:
    """Lists as the tuples that frozen dataclasses hold."""
    if isinstance(value, dict):
        return {key: _tuples(part) for key, part in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
