"""Scores if none or all of the unjudged documents at the top were relevant."""

from __future__ import annotations

import pytest

from evaluator.domain.measures.bounds import Bounds, score_bounds, unjudged
from evaluator.domain.ranking import Ranking

LIST = {"q": Ranking(("a", "b", "c", "d"), (4.0, 3.0, 2.0, 1.0))}


def test_unjudged_are_those_at_the_top_without_a_grade() -> None:
    assert unjudged(LIST["q"], {"b": 0}, 3) == ["a", "c"]


def test_precision_lies_between_the_two_cases() -> None:
    # b is relevant; a, c and d are not judged. P@4 is 1/4 if none of them is relevant, and 4/4 if all are.
    assert score_bounds(LIST, {"q": {"b": 1}}, "P@4", 4) == {"q": Bounds(0.25, 1.0, 3)}


def test_only_the_first_documents_count() -> None:
    # Only a may become relevant: P@4 is then 2/4.
    assert score_bounds(LIST, {"q": {"b": 1}}, "P@4", 2) == {"q": Bounds(0.25, 0.5, 1)}


def test_with_an_ideal_more_relevant_documents_can_lower_the_score() -> None:
    # b and e are relevant; b is found: R@3 is 1 of 2. If d were relevant, behind the cutoff: 1 of 3.
    bounds = score_bounds(LIST, {"q": {"a": 0, "b": 1, "c": 0, "e": 1}}, "R@3", 4)["q"]
    assert bounds.low == pytest.approx(1 / 3)
    assert bounds.high == pytest.approx(1 / 2)


def test_without_an_unjudged_document_the_score_is_certain() -> None:
    bounds = score_bounds(LIST, {"q": {"a": 0, "b": 1, "c": 0, "d": 0}}, "RR", 4)
    assert bounds == {"q": Bounds(0.5, 0.5, 0)}


def test_a_query_without_a_score_has_no_bounds() -> None:
    assert score_bounds(LIST, {"q": {"a": 0}}, "nDCG@10", 4) == {}
    assert score_bounds(LIST, {}, "nDCG@10", 4) == {}
