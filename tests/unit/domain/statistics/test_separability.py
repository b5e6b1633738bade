"""What counts as a difference: one rule, and where its edge is."""

from __future__ import annotations

import pytest

from evaluator.domain.statistics.power import SIGNIFICANCE
from evaluator.domain.statistics.resampling import Evidence
from evaluator.domain.statistics.separability import Decision, decide, tie_group
from evaluator.domain.statistics.significance import holm


def decision(corrected: float, difference: float = 0.1) -> Decision:
    return Decision(difference, corrected, "randomization", corrected)


def test_the_level_itself_counts() -> None:
    assert decision(SIGNIFICANCE).separable
    assert not decision(SIGNIFICANCE + 1e-12).separable


def test_a_difference_of_zero_is_never_separable() -> None:
    assert not decision(0.0, difference=0.0).separable


def test_a_mirrored_comparison_has_the_same_result() -> None:
    significant = decision(0.01)
    assert significant.mirrored.separable
    assert significant.mirrored.difference == -0.1
    assert significant.mirrored.mirrored == significant


@pytest.mark.parametrize("family", [None, 3, 10])
def test_comparisons_are_corrected_together(family: int | None) -> None:
    evidence = [
        Evidence(0.1, 0.01, "randomization"),
        Evidence(-0.2, 0.001, "t"),
        Evidence(0.0, 1.0, "randomization"),
    ]
    decisions = decide(evidence, family)
    assert [each.corrected for each in decisions] == holm([0.01, 0.001, 1.0], family)
    assert [each.test for each in decisions] == ["randomization", "t", "randomization"]
    assert decide([]) == []


def test_the_tie_group_is_the_best_and_all_not_separable_from_it() -> None:
    means = {"bm25": 0.4, "hybrid": 0.6, "minilm": 0.55, "static": 0.5}
    to_best = {"minilm": decision(0.3), "static": decision(0.04), "bm25": decision(0.001)}
    assert tie_group(means, to_best) == ("hybrid", "minilm")
    assert tie_group({"alone": 0.1}, {}) == ("alone",)
    assert tie_group({}, {}) == ()
