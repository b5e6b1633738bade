"""The sentence above the leaderboard: what the evidence allows, and no more."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evaluator.analysis.leaderboard import leaderboard
from evaluator.analysis.verdict import fewest_queries, rounded, verdict
from evaluator.domain.status import Status
from evaluator.workspace.workspace import Workspace
from tests.unit.analysis.test_leaderboard import BASE, SCORES
from tests.unit.made_scores import WAITING, Score, made


def said(workspace: Workspace, scores: dict[str, list[Score]], status: Status | None = None) -> str:
    board = leaderboard(workspace, made(workspace, scores))
    if status:
        board = dataclasses.replace(board, experiment=dataclasses.replace(board.experiment, status=status))
    return verdict(board)


def test_no_verdict_before_results(workspace: Workspace) -> None:
    assert said(workspace, {"a": [WAITING], "b": [WAITING]}).startswith("Nothing can be said yet")


def test_while_it_runs_nothing_is_final(workspace: Workspace) -> None:
    text = said(workspace, {"a": [0.5, 0.5, WAITING], "b": [0.25, 0.25, WAITING]})
    assert text == "So far a scores highest, over 2 queries. The experiment is running, so this may change."


def test_one_variant_is_compared_with_nothing(workspace: Workspace) -> None:
    assert "nothing to compare it with" in said(workspace, {"a": [0.5, 0.25]})


def test_few_queries_show_nothing_however_large(workspace: Workspace) -> None:
    text = said(workspace, {"a": [1.0] * 5, "b": [0.0] * 5})
    # Two variants, one pair: 2 / 2^n <= 0.05 needs n = 6
    assert text == (
        "a scores highest, but 5 queries cannot show a difference among 2 variants, however large; "
        "at least 6 would be needed."
    )
    assert fewest_queries(3) == 7  # three pairs: 3 * 2 / 2^7 = 0.047
    assert said(workspace, {"c": [1.0] * 6, "d": [0.0] * 6}).startswith("c is best")


def test_the_best_is_separable_from_all_others(workspace: Workspace) -> None:
    text = said(workspace, {"hybrid": SCORES["hybrid"], "bm25": SCORES["bm25"]})
    assert text == "hybrid is best: 60 queries tell it from the other variant."


def test_a_tie_says_how_many_queries_would_help(workspace: Workspace) -> None:
    draw = np.random.default_rng(0)
    scores = {**SCORES, "minilm": (BASE + 0.08 + draw.normal(0, 0.06, 60)).tolist()}
    experiment = made(workspace, scores)
    board = leaderboard(workspace, experiment)
    needed = next(row["needed"] for row in board.records if row["variant"] == "minilm")
    assert verdict(board) == (
        f"hybrid scores highest; 60 queries cannot tell minilm from it; about {rounded(needed):,} would be "
        "needed to confirm a difference this small. One other variant is worse."
    )
    assert verdict(board, lambda name: f"**{name}**").startswith(
        "**hybrid** scores highest; 60 queries cannot tell **minilm** from"
    )


def test_a_cancelled_experiment_is_mentioned_first(workspace: Workspace) -> None:
    text = said(workspace, {"hybrid": SCORES["hybrid"], "bm25": SCORES["bm25"]}, "cancelled")
    assert text.startswith("The experiment was cancelled. hybrid is best")


def test_the_same_scores_are_called_the_same(workspace: Workspace) -> None:
    text = said(workspace, {"a": [0.5] * 20, "b": [0.5] * 20})
    assert text == "a scores highest; 20 queries cannot tell b from it, and b has the same score."


def test_so_small_a_difference_is_called_what_it_is(workspace: Workspace) -> None:
    draw = np.random.default_rng(1).normal(0, 0.1, 60)
    noise = draw - draw.mean()
    scores = {"a": [0.5] * 60, "b": (0.4999 + noise).tolist()}
    assert "they differ by 0.0001, too small to confirm" in said(workspace, scores)


def test_many_that_are_tied_are_counted(workspace: Workspace) -> None:
    draw = np.random.default_rng(2)
    scores = {f"v{n}": (BASE + draw.normal(0, 0.1, 60)).tolist() for n in range(6)}
    assert "60 queries cannot tell any of the other 5 variants from it" in said(workspace, scores)


@pytest.mark.parametrize(("number", "text"), [(897, 900), (12, 12), (1234, 1300), (5, 5), (99_001, 100_000)])
def test_an_estimate_has_two_digits(number: int, text: int) -> None:
    assert rounded(number) == text
