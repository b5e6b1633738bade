"""Editing a described experiment: what is added, removed, renamed and set, and what is left as it was written."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from evaluator.domain.endpoint import Endpoint
from evaluator.domain.experiment import Experiment
from evaluator.domain.variant import (
    BM25,
    MMR,
    Chunk,
    CrossEncoder,
    Dense,
    Fuse,
    LanguageModel,
    Late,
    Rerank,
    Retrieve,
    Run,
    Sparse,
    Variant,
)
from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.file_writer import write_experiment, write_variant
from evaluator.experiments.form import (
    BUNDLED,
    DISTILLED,
    Addition,
    added,
    by_hand,
    described,
    new_variants,
    removed,
    renamed,
    values_of,
    with_setting,
)

EMBEDDER = Endpoint("embed-3", "https://host/v1", "org/embed-3", "A_KEY", usd_per_million_tokens=0.02)
CHAT = Endpoint("chat-4", "https://host/v1", "chat-4", "A_KEY")


def experiment(**fields: Any) -> Experiment:
    return described("look", "tiny", Addition(**{"strategies": ("bm25",), **fields}))


def names(draft: Experiment) -> list[str]:
    return [variant.name for variant in draft.variants]


# --- add ---


def test_each_strategy_runs_with_each_model_that_it_needs() -> None:
    draft = experiment(strategies=("bm25", "dense", "hybrid"), models=(BUNDLED, DISTILLED, "org/e5"))
    models = ("all-MiniLM-L6-v2", "distilled-all-MiniLM-L6-v2", "e5")
    assert names(draft) == ["bm25", *models, *(f"{model} + bm25" for model in models)]


def test_models_of_one_name_are_told_apart() -> None:
    assert names(experiment(strategies=("dense",), models=("a/e5", "b/e5"))) == ["e5", "e5 2"]


def test_a_number_that_one_strategy_gave_is_given_no_second_time() -> None:
    """Two models are `e5` and `e5 2` by their vectors; the same two as sparse models must not be called that again."""
    draft = experiment(strategies=("dense",), models=("a/e5", "b/e5"), sparse=("a/e5", "b/e5"))
    assert names(draft) == ["e5", "e5 2", "e5 3", "e5 2 2"]


def test_long_names_are_told_apart_by_their_pipelines() -> None:
    long = "org/" + "a-long-name-" * 6
    draft = experiment(
        strategies=("dense", "hybrid"),
        models=(f"{long}x", f"{long}y"),
        chunks=("none", Chunk(overlap=32)),
        rerank=(Rerank(cross_encoder=CrossEncoder("org/cross")), Rerank(mmr=MMR(f"{long}x"))),
    )
    assert len(set(names(draft))) == len(draft.variants) == 24  # 2 x 2 x 2 x 3
    cut = [variant for variant in draft.variants if variant.name.endswith(variant.fingerprint[:8])]
    assert len(cut) == 20  # all but the two models alone and with BM25, whose names have 73 and 80 characters


def test_passages_are_cut_for_every_strategy() -> None:
    cut = Chunk("tokens", 128)
    draft = experiment(sparse=("org/splade",), late=("org/colbert",), chunks=(cut,)).variants
    assert {variant.name: variant.retrieve.stage for variant in draft} == {
        "bm25 tokens-128": BM25.written(chunk=cut),
        "splade tokens-128": Sparse("org/splade", chunk=cut),
        "colbert tokens-128": Late("org/colbert", chunk=cut),
    }


def test_reranking_by_the_vectors_of_the_search_is_left_out() -> None:
    draft = experiment(
        strategies=("bm25", "dense"), models=(BUNDLED,), rerank=(Rerank(dense=Dense(BUNDLED)),)
    )
    assert names(draft) == ["bm25", "bm25 + rerank-all-MiniLM-L6-v2", "all-MiniLM-L6-v2"]


def test_models_behind_an_endpoint_are_used_like_any_other() -> None:
    draft = experiment(
        strategies=("bm25", "dense"),
        endpoints=(EMBEDDER,),
        precisions=("bfloat16",),
        rerank=(Rerank(llm=LanguageModel("chat-4")),),
        chats=(CHAT,),
    )
    assert draft.endpoints == (EMBEDDER, CHAT)
    assert names(draft) == ["bm25", "bm25 + chat-4", "embed-3", "embed-3 + chat-4"]
    assert draft.variants[2].retrieve.dense == Dense("embed-3")


def test_an_endpoint_that_is_described_already_stays_as_it_is() -> None:
    first = experiment(strategies=("dense",), endpoints=(EMBEDDER,))
    dearer = dataclasses.replace(EMBEDDER, usd_per_million_tokens=9.0)
    second = added(first, Addition(("hybrid",), endpoints=(dearer, dataclasses.replace(CHAT, name="other"))))
    assert [endpoint.name for endpoint in second.endpoints] == ["embed-3", "other"]
    assert second.endpoints[0] == EMBEDDER


def test_what_is_there_already_is_not_added_again() -> None:
    written = Experiment("look", "tiny", (Variant("mine", Retrieve(bm25=BM25.written())),))
    draft = added(written, Addition(("bm25", "dense"), (BUNDLED,)))
    assert names(draft) == ["mine", "all-MiniLM-L6-v2"]
    assert new_variants(Addition(("bm25",)), draft.variants) == ()


def test_an_added_variant_takes_no_name_that_is_taken() -> None:
    written = Experiment("look", "tiny", (Variant("bm25", Retrieve(bm25=BM25(k1=2.0))),))
    assert names(added(written, Addition(("bm25",)))) == ["bm25", "bm25 2"]


def test_too_many_variants_are_refused_in_words() -> None:
    many = Addition(
        ("bm25", "dense"),
        tuple(f"org/m{n}" for n in range(100)),
        dimensions=("none", 64, 128),
        quantize=("none", "int8", "binary"),
    )
    with pytest.raises(ValueError, match="stands for 1800 variants, more than 500"):  # 2 x 100 x 3 x 3
        new_variants(many, ())


# --- remove, rename ---


def test_a_variant_is_removed_and_the_last_one_is_not() -> None:
    draft = removed(experiment(strategies=("bm25", "dense"), models=(BUNDLED,)), "bm25")
    assert names(draft) == ["all-MiniLM-L6-v2"]
    with pytest.raises(ValueError, match="nothing to compare"):
        removed(draft, "all-MiniLM-L6-v2")


def test_a_variant_is_renamed_unless_the_name_is_taken_or_impossible() -> None:
    draft = renamed(experiment(strategies=("bm25", "dense"), models=(BUNDLED,)), "bm25", "words")
    assert names(draft) == ["words", "all-MiniLM-L6-v2"]
    with pytest.raises(ValueError, match="another variant is called 'words'"):
        renamed(draft, "all-MiniLM-L6-v2", "words")
    with pytest.raises(ValueError, match="cannot name a variant"):
        renamed(draft, "words", "a/b")


# --- settings ---


def test_a_setting_reaches_every_stage_that_has_it() -> None:
    draft = experiment(strategies=("bm25", "hybrid"), models=(BUNDLED,), quantize=("none", "int8"))
    draft = with_setting(draft, "stemmer", "german", None)
    draft = with_setting(draft, "tokenizer", None, None)
    draft = with_setting(draft, "metric", "dot", None)
    draft = with_setting(draft, "rescore", 4, None)
    words = Retrieve(bm25=BM25(stemmer="german", stop_words="auto"))
    full = Retrieve(dense=Dense(BUNDLED, metric="dot"))
    small = Retrieve(dense=Dense(BUNDLED, metric="dot", quantize="int8", rescore=4))
    assert [variant.retrieve for variant in draft.variants] == [
        words,
        Retrieve(fuse=Fuse(of=(words, full))),
        Retrieve(fuse=Fuse(of=(words, small))),
    ]


def test_a_setting_of_one_variant_leaves_the_others() -> None:
    draft = experiment(strategies=("bm25", "hybrid"), models=(BUNDLED,))
    draft = with_setting(draft, "k1", 1.2, "bm25")
    assert values_of(draft, "k1", "bm25") == (1.2,)
    assert values_of(draft, "k1", None) == (1.2, 0.9)
    assert values_of(draft, "metric", "bm25") == ()


def test_the_depth_of_reranking_is_a_setting() -> None:
    draft = experiment(rerank=(Rerank(mmr=MMR(BUNDLED)),))
    draft = with_setting(draft, "depth", 20, None)
    assert draft.variants[1].rerank == (Rerank(mmr=MMR(BUNDLED), depth=20),)


# --- written by hand ---


@pytest.mark.parametrize(
    "variant",
    [
        Variant("x", Retrieve(run=Run("elsewhere"))),
        Variant("x", Retrieve(dense=Dense("m", query_prompt="query: "))),
        Variant("x", Retrieve(bm25=BM25(chunk=Chunk(score="mean", top=5)))),
        Variant("x", Retrieve(fuse=Fuse(of=(Retrieve(bm25=BM25()), Retrieve(dense=Dense("m"))), k=10))),
        Variant("x", Retrieve(fuse=Fuse(of=(Retrieve(dense=Dense("a")), Retrieve(dense=Dense("b")))))),
        Variant("x", Retrieve(bm25=BM25()), (Rerank(mmr=MMR("m")), Rerank(dense=Dense("m")))),
        Variant("x", Retrieve(bm25=BM25()), (Rerank(cross_encoder=CrossEncoder("m", max_length=64)),)),
    ],
)
def test_a_variant_that_the_form_cannot_show_is_kept_as_it_was_written(variant: Variant) -> None:
    assert by_hand(variant)
    draft = added(Experiment("look", "tiny", (variant,)), Addition(("bm25", "dense"), ("m",)))
    for setting, value in (("k1", 2.0), ("metric", "dot"), ("depth", 5)):
        draft = with_setting(draft, setting, value, None)  # type: ignore[arg-type]
    assert draft.variants[0] == variant
    assert parse_experiment(write_experiment(draft)) == draft


@pytest.mark.parametrize(
    "addition",
    [
        Addition(("bm25", "dense", "hybrid"), ("m",), dimensions=(64,), quantize=("int8",), precisions=("float16",)),
        Addition(("hybrid",), ("m",), chunks=(Chunk("structure", 64, 8, "mean"),), sparse=("s",), late=("l",)),
        Addition(("bm25",), rerank=(Rerank(mmr=MMR("m", relevance=0.7)), Rerank(dense=Dense("m"), depth=9))),
    ],
)  # fmt: skip
def test_what_the_form_adds_it_can_show(addition: Addition) -> None:
    draft = described("look", "tiny", addition)
    assert not any(map(by_hand, draft.variants))
    assert parse_experiment(write_experiment(draft)) == draft


def test_the_order_of_a_hybrid_makes_it_no_other_kind_of_variant() -> None:
    parts = (Retrieve(dense=Dense("m")), Retrieve(bm25=BM25()))
    assert not by_hand(Variant("x", Retrieve(fuse=Fuse(of=parts))))


def test_a_variant_is_shown_as_it_stands_in_the_file() -> None:
    text = write_variant(Variant("x", Retrieve(bm25=BM25(k1=2.0))))
    described_by_it = "name: look\ndataset: tiny\nvariants:\n" + text
    assert parse_experiment(described_by_it).variants == (Variant("x", Retrieve(bm25=BM25(k1=2.0))),)
