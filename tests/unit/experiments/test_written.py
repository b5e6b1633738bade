"""Experiments as text: whatever it is, reading what was written gives the same."""

from __future__ import annotations

import dataclasses
from typing import Literal

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from evaluator.domain.endpoint import Budget, Endpoint
from evaluator.domain.experiment import Experiment
from evaluator.domain.pipelines.resolving import resolve_names
from evaluator.domain.printable import is_one_line
from evaluator.domain.variant import (
    BM25,
    MMR,
    Chunk,
    CrossEncoder,
    Dense,
    Fuse,
    LanguageModel,
    Late,
    Precision,
    Rerank,
    Retrieve,
    Run,
    Sparse,
    Variant,
)
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.file_writer import write_experiment

ENDPOINTS = ("small", "no", "1.5")
"""Names, also such as YAML would take for something else."""


def maybe(strategy: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.none() | strategy


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
titles = texts.filter(is_one_line)
models = st.sampled_from(["org/e5", "distilled:org/e5", "2024", "null", "a: b # c", "é 'q' \"r\""])
precisions: st.SearchStrategy[Precision] = st.sampled_from(["float32", "bfloat16"])
floats = st.floats(0, 1e6, allow_subnormal=False)
counts = st.integers(1, 100)
chunks = st.builds(
    Chunk,
    by=st.sampled_from(["tokens", "sentences", "structure"]),
    size=st.integers(50, 100),
    overlap=st.integers(0, 49),
    score=st.sampled_from(["max", "mean", "sum"]),
    top=counts,
)


@st.composite
def denses(draw: st.DrawFn, *, chunked: bool = True) -> Dense:
    quantize: Literal["int8", "binary"] | None = draw(st.sampled_from([None, "int8", "binary"]))
    dense = Dense(
        draw(models),
        draw(precisions),
        draw(st.sampled_from([None, "dot", "euclidean"])),
        draw(st.none() | counts),
        quantize,
        draw(st.none() | counts) if quantize else None,
        draw(st.none() | counts),
        draw(st.none() | texts),
        draw(st.none() | texts),
        draw(st.none() | chunks) if chunked else None,
    )
    endpoint = draw(st.sampled_from([None, *ENDPOINTS]))
    return (
        dense
        if endpoint is None
        else dataclasses.replace(dense, encoder=endpoint, precision="float32", max_length=None)
    )


leaves = st.one_of(
    st.builds(
        BM25,
        st.floats(0, 1000, allow_subnormal=False),
        st.floats(0, 1),
        st.sampled_from(["auto", "none", "german"]),
        chunk=maybe(chunks),
        tokenizer=st.sampled_from([None, "icu-1", "icu-bigrams-1"]),
    ).map(lambda stage: Retrieve(bm25=stage)),
    denses().map(lambda stage: Retrieve(dense=stage)),
    st.builds(Sparse, models, precisions, maybe(counts), maybe(chunks)).map(
        lambda stage: Retrieve(sparse=stage)
    ),
    st.builds(Late, models, precisions, maybe(counts), maybe(chunks)).map(lambda stage: Retrieve(late=stage)),
    st.builds(Run, titles, maybe(texts)).map(lambda stage: Retrieve(run=stage)),
)


@st.composite
def fusions(draw: st.DrawFn, parts: st.SearchStrategy[Retrieve]) -> Retrieve:
    of = tuple(draw(st.lists(parts, min_size=2, max_size=3)))
    k, depth = draw(st.floats(1, 1000)), draw(counts)
    if draw(st.booleans()):
        return Retrieve(fuse=Fuse(of, "rrf", k, depth))
    weights = draw(st.none() | st.tuples(*[floats] * len(of)))
    normalize: Literal["min-max", "z-score"] | None = draw(st.sampled_from([None, "min-max", "z-score"]))
    return Retrieve(fuse=Fuse(of, "weighted", k, depth, weights, normalize))


pipelines = st.recursive(leaves, fusions, max_leaves=3)
reranks = st.one_of(
    st.builds(CrossEncoder, models, precisions, maybe(counts)).map(lambda stage: {"cross_encoder": stage}),
    denses(chunked=False).map(lambda stage: {"dense": stage}),
    st.builds(MMR, models, precisions, st.floats(0, 1)).map(lambda stage: {"mmr": stage}),
    st.builds(LanguageModel, st.sampled_from(ENDPOINTS), window=st.just(9), step=st.integers(1, 9)).map(
        lambda stage: {"llm": stage}
    ),
).flatmap(lambda stage: counts.map(lambda depth: Rerank(**stage, depth=depth)))
names = st.text("ab1. _+-", min_size=1, max_size=8).filter(
    lambda name: name[0] not in ". " and name[-1] != " "
)
priced = st.tuples(floats, floats)


@st.composite
def experiments(draw: st.DrawFn) -> Experiment:
    chosen = draw(st.lists(names, min_size=1, max_size=3, unique=True))
    variants = tuple(
        Variant(name, draw(pipelines), draw(st.none() | st.lists(reranks, min_size=1, max_size=2).map(tuple)))
        for name in chosen
    )
    prices = [draw(priced) for _ in ENDPOINTS]
    endpoints = tuple(
        Endpoint(name, "https://host/v1", draw(titles), draw(st.sampled_from([None, "A_KEY"])), timeout=1.5,
                 usd_per_million_tokens=read, usd_per_million_output_tokens=written, query_prompt=draw(texts))
        for name, (read, written) in zip(ENDPOINTS, prices, strict=True)
    )  # fmt: skip
    budget = draw(st.none() | st.builds(Budget, st.floats(0.01, 1e6), maybe(counts)))
    measures = tuple(
        draw(st.lists(st.sampled_from(["nDCG@10", "RR@10", "AP(rel=2)"]), min_size=1, unique=True))
    )
    per_job = draw(st.just("auto") | counts)
    return Experiment(draw(titles), draw(titles), variants, None, measures, per_job, endpoints, budget)  # type: ignore[arg-type]


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(experiments())
def test_what_is_written_reads_as_the_same_experiment(experiment: Experiment) -> None:
    try:
        resolve_names(experiment.variants)
    except ValueError:
        assume(False)
    assert parse_experiment(write_experiment(experiment)) == experiment


def test_a_part_that_is_a_variant_itself_is_named() -> None:
    words, vectors = Retrieve(bm25=BM25()), Retrieve(dense=Dense("org/e5"))
    both = Variant("both", Retrieve(fuse=Fuse(of=(words, vectors))))
    text = write_experiment(Experiment("x", "d", (Variant("bm25", words), both)))
    assert (
        text
        == """\
name: x
dataset: d
measures: [nDCG@10, RR@10, R@100, AP@100]
queries_per_job: auto
variants:
- name: bm25
  retrieve:
    bm25: {k1: 0.9, b: 0.4, stemmer: english, stop_words: english, tokenizer: regex}
- name: both
  retrieve:
    fuse:
      of:
      - bm25
      - dense: {encoder: org/e5, precision: float32}
      method: rrf
      k: 60.0
      depth: 100
"""
    )


def test_a_matrix_is_written_as_its_variants() -> None:
    text = "name: x\ndataset: d\nmatrix: {encoders: [org/e5, org/bge], retrieve: [bm25, dense, hybrid]}\n"
    experiment = parse_experiment(text)
    assert len(experiment.variants) == 5  # bm25, and two encoders alone and fused
    written = write_experiment(experiment)
    assert "matrix" not in written
    assert parse_experiment(written) == experiment
