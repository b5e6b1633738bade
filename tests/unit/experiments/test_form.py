"""Choices: what they mean as an experiment, and what is missing, at its field."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from evaluator.domain.endpoint import Budget, Endpoint
from evaluator.domain.variant import BM25, Chunk, Dense, Late, Rerank, Retrieve, Sparse, Variant
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.file_writer import write_experiment
from evaluator.experiments.form import BUNDLED, Choices, choices_of, experiment_of, problems_of

SERVER = ("https://host/v1", "A_KEY")


def choices(**fields: Any) -> Choices:
    return Choices(**{"name": "look", "dataset": "tiny", "bundled": True, "words": True, **fields})


def variants(**fields: Any) -> dict[str, Variant]:
    return {variant.name: variant for variant in experiment_of(choices(**fields)).variants}


def test_each_strategy_runs_with_each_model_that_it_needs() -> None:
    found = variants(meaning=True, both=True, distilled=True, hub=("org/e5",))
    models = ("all-MiniLM-L6-v2", "distilled-all-MiniLM-L6-v2", "e5")
    assert set(found) == {"bm25", *models, *(f"{model} + bm25" for model in models)}


def test_models_of_one_name_are_told_apart() -> None:
    assert set(variants(words=False, meaning=True, bundled=False, hub=("a/e5", "b/e5"))) == {"e5", "e5 2"}


def test_a_number_that_one_way_of_searching_gave_is_given_no_second_time() -> None:
    """Two models are `e5` and `e5 2` by their vectors; the same two as sparse models must not be called that again."""
    found = experiment_of(
        choices(
            words=False,
            meaning=True,
            bundled=False,
            hub=("a/e5", "b/e5"),
            sparse=True,
            sparse_models=("a/e5", "b/e5"),
        )
    ).variants
    assert [variant.name for variant in found] == ["e5", "e5 2", "e5 3", "e5 2 2"]


def test_long_names_are_told_apart_by_their_pipelines() -> None:
    long = "org/" + "a-long-name-" * 6
    found = experiment_of(
        choices(
            words=False,
            meaning=True,
            both=True,
            bundled=False,
            hub=(f"{long}x", f"{long}y"),
            chunked=True,
            reranked=True,
            mmr=True,
        )
    ).variants
    names = [variant.name for variant in found]
    assert len(set(names)) == len(names) == 24
    cut = [variant for variant in found if variant.name.endswith(variant.fingerprint[:8])]
    assert len(cut) == 20  # all but the two models alone and with BM25, whose names have 73 and 80 characters
    assert parse_experiment(
        write_experiment(experiment_of(choices(meaning=True, bundled=False, hub=(f"{long}x",))))
    )


def test_settings_reach_every_stage_that_they_are_for() -> None:
    found = variants(both=True, k1=1.2, stemmer="german", metric="dot", quantize=("none", "int8"), rescore=4)
    words = Retrieve(bm25=BM25(1.2, 0.4, "german", "english"))
    assert found["bm25"].retrieve == words
    fused = found["all-MiniLM-L6-v2 int8 + bm25"].retrieve.fuse
    assert fused is not None
    assert fused.of == (words, Retrieve(dense=Dense(BUNDLED, metric="dot", quantize="int8", rescore=4)))
    full = found["all-MiniLM-L6-v2 + bm25"].retrieve.fuse
    assert full is not None
    assert full.of[1] == Retrieve(dense=Dense(BUNDLED, metric="dot"))


def test_passages_are_cut_for_every_strategy() -> None:
    found = variants(sparse=True, sparse_models=("org/splade",), late=True, late_models=("org/colbert",),
                     chunked=True, chunk_size=128, chunk_overlap=0, whole=False)  # fmt: skip
    cut = Chunk("tokens", 128, 0)
    assert {name: variant.retrieve.stage for name, variant in found.items()} == {
        "bm25 tokens-128": BM25(chunk=cut),
        "splade tokens-128": Sparse("org/splade", chunk=cut),
        "colbert tokens-128": Late("org/colbert", chunk=cut),
    }


def test_ordering_by_the_vectors_that_found_is_left_out() -> None:
    found = variants(meaning=True, reranked=True, cross_encoders=(), second_look=True)
    assert set(found) == {"bm25", "bm25 + rerank-all-MiniLM-L6-v2", "all-MiniLM-L6-v2"}
    assert found["bm25 + rerank-all-MiniLM-L6-v2"].rerank == (Rerank(dense=Dense(BUNDLED)),)


def test_models_behind_an_endpoint_are_used_like_any_other() -> None:
    asked = choices(
        bundled=False, meaning=True, server=SERVER, endpoint_models=("org/embed-3",), endpoint_price=0.02,
        precisions=("bfloat16",), reranked=True, cross_encoders=(), chat_models=("chat-4",), budget_usd=1.5,
    )  # fmt: skip
    experiment = experiment_of(asked)
    assert experiment.endpoints == (
        Endpoint("embed-3", *_server("org/embed-3"), usd_per_million_tokens=0.02),
        Endpoint("chat-4", *_server("chat-4")),
    )
    assert experiment.budget == Budget(usd=1.5)
    assert [variant.name for variant in experiment.variants] == [
        "bm25", "bm25 + chat-4", "embed-3", "embed-3 + chat-4",
    ]  # fmt: skip
    assert experiment.variants[2].retrieve.dense == Dense("embed-3")


def _server(model: str) -> tuple[str, str, str | None]:
    return SERVER[0], model, SERVER[1]


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"name": "  "}, "name", "Give the experiment a name"),
        ({"words": False}, "strategies", "at least one way to find"),
        ({"both": True, "bundled": False}, "models", "search by meaning needs one"),
        ({"late": True, "late_models": ()}, "late", "Name at least one model"),
        ({"chunked": True, "chunk_by": ()}, "chunked", "way to cut"),
        ({"chunked": True, "chunk_size": 64, "chunk_overlap": 64}, "chunk_overlap", "smaller than the size, 64"),
        ({"reranked": True, "cross_encoders": ()}, "reranked", "at least one reranker"),
        ({"dimensions": ("all", "many")}, "dimensions", "'many' is no number of dimensions"),
        ({"precisions": ()}, "precisions", "at least one"),
        ({"measures": ("nDGC@10",)}, "measures", "did you mean nDCG@10?"),
        ({"measures": ()}, "measures", "at least one measure"),
    ],
)  # fmt: skip
def test_what_is_missing_is_said_at_its_field(fields: dict[str, Any], field: str, message: str) -> None:
    problems = problems_of(choices(**fields))
    assert list(problems) == [field]
    assert message in problems[field]
    with pytest.raises(ValueError, match=r".+"):
        experiment_of(choices(**fields))


def test_too_many_variants_are_refused_in_words() -> None:
    many = choices(meaning=True, hub=tuple(f"org/m{n}" for n in range(99)), dimensions=("all", "64", "128"),
                   quantize=("none", "int8", "binary"))  # fmt: skip
    with pytest.raises(ValueError, match="stands for 1800 variants, more than 500"):  # 2 x 100 x 3 x 3
        experiment_of(many)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"meaning": True, "both": True, "distilled": True, "dimensions": ("all", "128"), "metric": "dot"},
        {"meaning": True, "chunked": True, "chunk_by": ("structure",), "chunk_score": "mean", "whole": False},
        {"sparse": True, "reranked": True, "mmr": True, "relevance": 0.7, "depth": 20},
        {"both": True, "server": SERVER, "endpoint_models": ("m",), "endpoint_price": 0.1, "budget_tokens": 9},
        {"queries_per_job": 1, "measures": ("RR@10",), "k1": 2.0, "stop_words": "none"},
    ],
)  # fmt: skip
def test_choices_survive_the_way_through_text(fields: dict[str, Any]) -> None:
    chosen = choices(**fields)
    if not chosen.needs_model and not chosen.mmr:
        chosen = dataclasses.replace(chosen, bundled=False)  # nothing uses it, so no text says it
    experiment = experiment_of(chosen)
    again = choices_of(parse_experiment(write_experiment(experiment)))
    assert again is not None
    assert experiment_of(again) == experiment


def test_what_choices_cannot_say_is_not_forced_into_them() -> None:
    text = "name: x\ndataset: d\nvariants:\n  - {name: mine, retrieve: {bm25: {}}}\n"
    assert choices_of(parse_experiment(text)) is None  # choices name variants themselves
    assert choices_of(parse_experiment(text.replace("mine", "bm25"))) is not None
