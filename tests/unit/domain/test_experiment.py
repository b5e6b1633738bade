"""Experiments: a spec survives JSON, and its id is that of the work, not of how it is cut."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluator.domain.experiment import EncoderSpec, ExperimentSpec, encoder_key
from evaluator.domain.variant import BM25, Dense, Fuse, Retrieve, Variant

MINILM = EncoderSpec(
    "minilm", "transformer", "bundled", weights="53aa", location="all-MiniLM-L6-v2", dimensions=384
)
WORDS, VECTORS = Retrieve(bm25=BM25()), Retrieve(dense=Dense("minilm"))
SPEC = ExperimentSpec(
    name="first look",
    dataset="cranfield",
    corpus="c0",
    queries="q0",
    qrels="r0",
    exclude_self=False,
    variants=(Variant("words", WORDS), Variant("hybrid", Retrieve(fuse=Fuse(of=(WORDS, VECTORS))))),
    encoders={"minilm|float32": MINILM},
    measures=("nDCG@10",),
    depth=100,
)

NAMES = st.text("abcXYZ019._+-", min_size=1, max_size=8).filter(lambda name: not name.startswith("."))
BM25S = st.builds(BM25, k1=st.floats(0, 3), b=st.floats(0, 1), stemmer=st.sampled_from(["none", "english"]))
DENSES = st.builds(Dense, encoder=st.text(min_size=1), precision=st.sampled_from(["float32", "bfloat16"]))
RETRIEVES = st.recursive(
    st.builds(Retrieve, bm25=BM25S) | st.builds(Retrieve, dense=DENSES),
    lambda inner: st.builds(
        Retrieve,
        fuse=st.builds(
            Fuse,
            of=st.lists(inner, min_size=2, max_size=3).map(tuple),
            k=st.floats(1, 100),
            depth=st.integers(1, 1000),
        ),
    ),
    max_leaves=8,
)
ENCODERS = st.builds(
    EncoderSpec,
    name=st.text(),
    kind=st.sampled_from(["transformer", "static"]),
    source=st.sampled_from(["bundled", "folder", "hub", "distilled"]),
    weights=st.text(),
    location=st.text(),
    max_length=st.none() | st.integers(1, 8192),
    dimensions=st.none() | st.integers(1, 4096),
)
SPECS = st.builds(
    ExperimentSpec,
    name=st.text(),
    dataset=st.text(),
    corpus=st.text(),
    queries=st.text(),
    qrels=st.text(),
    exclude_self=st.booleans(),
    variants=st.lists(st.builds(Variant, NAMES, RETRIEVES), min_size=1, max_size=4).map(tuple),
    encoders=st.dictionaries(st.text(), ENCODERS, max_size=3),
    measures=st.lists(st.sampled_from(["nDCG@10", "AP", "RR@10"]), min_size=1).map(tuple),
    depth=st.integers(1, 10_000),
    queries_per_job=st.just("auto") | st.integers(1, 100),
)


@given(SPECS)
def test_a_spec_survives_json(spec: ExperimentSpec) -> None:
    again = ExperimentSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.id == spec.id


@given(SPECS, st.just("auto") | st.integers(1, 100))
def test_the_id_is_independent_of_how_the_work_is_cut_into_jobs(
    spec: ExperimentSpec, queries_per_job: Any
) -> None:
    assert dataclasses.replace(spec, queries_per_job=queries_per_job).id == spec.id


@pytest.mark.parametrize(
    "change",
    [
        {"corpus": "c1"},
        {"qrels": "r1"},
        {"exclude_self": True},
        {"measures": ("AP",)},
        {"depth": 1000},
        {"policy": SPEC.policy + 1},
        {"variants": SPEC.variants[:1]},
        {"encoders": {"minilm|float32": dataclasses.replace(MINILM, weights="other")}},
    ],
)
def test_the_id_changes_with_the_work(change: dict[str, Any]) -> None:
    assert dataclasses.replace(SPEC, **change).id != SPEC.id


@pytest.mark.parametrize("change", [{"name": "x"}, {"location": "elsewhere"}, {"source": "folder"}])
def test_where_a_model_lies_is_no_part_of_its_fingerprint(change: dict[str, Any]) -> None:
    moved = dataclasses.replace(MINILM, **change)
    assert moved.fingerprint == MINILM.fingerprint
    assert dataclasses.replace(SPEC, encoders={"minilm|float32": moved}).id == SPEC.id


@pytest.mark.parametrize(
    "change",
    [
        {"weights": "other"},
        {"precision": "bfloat16"},
        {"query_prompt": "query: "},
        {"document_prompt": "passage: "},
        {"max_length": 128},
        {"dimensions": 128},
        {"kind": "static"},
    ],
)
def test_all_that_can_change_a_vector_is_part_of_it(change: dict[str, Any]) -> None:
    assert dataclasses.replace(MINILM, **change).fingerprint != MINILM.fingerprint


def test_variants_and_encoders_are_found_by_name() -> None:
    assert SPEC.variant("words").retrieve == WORDS
    assert encoder_key(Dense("minilm", "bfloat16")) == "minilm|bfloat16"
    assert SPEC.encoder(Dense("minilm")) == MINILM


@pytest.mark.parametrize(
    ("n_queries", "workers", "expected"),
    [
        (225, 4, 15),  # ceil(225 / (4 batches x 4 workers)) = ceil(14.06)
        (10_000, 2, 64),  # at most 64: a batch takes seconds
        (3, 8, 1),
        (0, 1, 1),
        (100, 0, 25),  # no worker yet: as for one
    ],
)
def test_auto_gives_each_worker_about_four_batches(n_queries: int, workers: int, expected: int) -> None:
    assert SPEC.batch_size(n_queries, workers) == expected


def test_a_number_of_queries_per_job_is_taken_at_its_word() -> None:
    assert dataclasses.replace(SPEC, queries_per_job=1).batch_size(10_000, 2) == 1
