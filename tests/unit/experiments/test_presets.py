"""Presets are questions: each is a whole experiment, and what it compares is what it asks."""

from __future__ import annotations

import pytest

from evaluator.experiments.file_reader import parse_experiment
from evaluator.experiments.file_writer import write_experiment
from evaluator.experiments.form import by_hand
from evaluator.experiments.presets import CHUNKING, PRESETS, QUICK_LOOK, RERANKING, Preset


def variants(preset: Preset) -> list[str]:
    return [variant.name for variant in preset.on("tiny").variants]


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.title)
def test_a_preset_is_a_whole_experiment_in_the_form_and_as_text(preset: Preset) -> None:
    experiment = preset.on("tiny")
    assert experiment.dataset == "tiny"
    assert parse_experiment(write_experiment(experiment)) == experiment
    assert not any(map(by_hand, experiment.variants))


def test_a_quick_look_compares_bm25_dense_and_hybrid() -> None:
    assert variants(QUICK_LOOK) == [
        "bm25", "distilled-all-MiniLM-L6-v2", "distilled-all-MiniLM-L6-v2 + bm25",
    ]  # fmt: skip


def test_a_chunking_study_compares_whole_documents_with_three_ways_to_cut() -> None:
    assert variants(CHUNKING) == [
        f"{found}{cut}"
        for found in ("bm25", "all-MiniLM-L6-v2")
        for cut in ("", " tokens-256-32", " sentences-256-32", " structure-256-32")
    ]


def test_reranking_is_compared_with_going_without() -> None:
    assert variants(RERANKING) == [
        f"{found}{ordered}"
        for found in ("bm25", "all-MiniLM-L6-v2 + bm25")
        for ordered in ("", " + ms-marco-MiniLM-L6-v2", " + rerank-all-MiniLM-L6-v2", " + mmr-0.5")
    ]
