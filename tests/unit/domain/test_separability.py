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


def test_no_difference_is_never_found() -> None:
    assert not decision(0.0, difference=0.0).separable


def test_the_other_way_round_it_is_the_same() -> None:
    there = decision(0.01)
    assert there.mirrored.separable
    assert there.mirrored.difference == -0.1
    assert there.mirrored.mirrored == there


@pytest.mark.parametrize("family", [None, 3, 10])
def test_comparisons_are_corrected_together(family: int | None) -> None:
    evidence = [
        Evidence(0.1, 0.01, "randomization"),
        Evidence(-0.2, 0.001, "t"),
        Evidence(0.0, 1.0, "randomization"),
    ]
    found = decide(evidence, family)
    assert [each.corrected for each in found] == holm([0.01, 0.001, 1.0], family)
    assert [each.test for each in found] == ["randomization", "t", "randomization"]
    assert decide([]) == []


def test_the_tie_group_is_the_best_and_what_may_be_as_good() -> None:
    means = {"bm25": 0.4, "hybrid": 0.6, "minilm": 0.55, "static": 0.5}
    to_best = {"minilm": decision(0.3), "static": decision(0.04), "bm25": decision(0.001)}
    assert tie_group(means, to_best) == ("hybrid", "minilm")
    assert tie_group({"alone": 0.1}, {}) == ("alone",)
    assert tie_group({}, {}) == ()
