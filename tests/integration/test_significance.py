"""Means, wins and p-values on Cranfield, held against `ranx.compare`; where definitions differ: docs/statistics.md."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from evaluator.domain.dataset import Qrels
from evaluator.domain.measures.scoring import relevant_count, score_queries
from evaluator.domain.ranking import Doubles, Ranking
from evaluator.domain.statistics.paired import PairedTest, paired_test
from evaluator.domain.statistics.significance import holm
from tests.integration.test_agreement import Cranfield, collection, ranx

__all__ = ["collection", "ranx"]  # fixtures

OURS = {"nDCG@10": "ndcg@10", "RR@10": "mrr@10", "R@100": "recall@100"}
"""Measures that both define alike, by our notation."""
PERMUTATIONS = 1000
"""Of ranx's randomization test, which runs as plain Python here."""


class Compared:
    """Two retrievers' scores by measure [n_queries], and what ranx says of the same lists."""

    def __init__(self, collection: Cranfield, ranx: Any) -> None:
        judged: Qrels = {
            query_id: {
                doc_id: max(grade, 0) for doc_id, grade in grades.items()
            }  # ranx sums grades of -1 as they are
            for query_id, grades in collection.dataset.qrels.items()
            if relevant_count(grades)
        }
        query_ids = [query.query_id for query in collection.dataset.queries]
        lists = {
            name: {q: ranking for q, ranking in zip(query_ids, rankings, strict=True) if q in judged}
            for name, rankings in (("bm25", collection.bm25), ("dense", collection.dense))
        }
        self.scores: dict[str, dict[str, Doubles]] = {
            name: self._scores(rankings, judged) for name, rankings in lists.items()
        }
        runs = [ranx.Run(self._run(rankings), name=name) for name, rankings in lists.items()]
        qrels = ranx.Qrels({q: dict(grades) for q, grades in judged.items()})
        self.by_test = {
            test: ranx.compare(qrels, runs, list(OURS.values()), stat_test=test, n_permutations=PERMUTATIONS)
            for test in ("student", "fisher")
        }

    def _scores(self, rankings: Mapping[str, Ranking], judged: Qrels) -> dict[str, Doubles]:
        values = score_queries(rankings, judged, list(OURS))
        return {measure: np.array([values[q][measure] for q in sorted(values)]) for measure in OURS}

    def _run(self, rankings: Mapping[str, Ranking]) -> dict[str, dict[str, float]]:
        # Ranks for scores: ranx orders ties in a way of its own.
        return {
            query_id: {doc_id: float(len(ranking) - place) for place, doc_id in enumerate(ranking.doc_ids)}
            for query_id, ranking in rankings.items()
        }

    def test(self, measure: str) -> PairedTest:
        return paired_test(self.scores["bm25"][measure], self.scores["dense"][measure])

    def p(self, test: str, measure: str) -> float:
        pair = frozenset(["bm25", "dense"])
        return float(self.by_test[test].comparisons[pair][OURS[measure]]["p_value"])


@pytest.fixture(scope="module")
def compared(collection: Cranfield, ranx: Any) -> Compared:
    return Compared(collection, ranx)


@pytest.mark.parametrize("measure", OURS)
def test_means_wins_and_the_t_test_with_ranx(compared: Compared, measure: str) -> None:
    ours, report = compared.test(measure), compared.by_test["student"]
    for name, scores in compared.scores.items():
        assert scores[measure].mean() == pytest.approx(report.results[name][OURS[measure]], abs=1e-9)
    assert ours.p_t == pytest.approx(compared.p("student", measure), abs=1e-9)
    theirs = report.win_tie_loss["bm25", "dense"][OURS[measure]]
    assert (ours.wins, ours.ties, ours.losses) == (theirs["W"], theirs["T"], theirs["L"])


@pytest.mark.parametrize("measure", OURS)
def test_the_randomization_test_with_ranx_but_for_chance(compared: Compared, measure: str) -> None:
    # Theirs: the share of 1,000 permutations, standard error at most 0.016; it is 0 where none reaches the difference.
    assert compared.test(measure).p_randomization == pytest.approx(compared.p("fisher", measure), abs=0.05)


def test_a_table_as_pyterrier_makes_it(compared: Compared) -> None:
    """Its Experiment(baseline=0, correction="holm") takes paired t-tests, and statsmodels for the correction."""
    p = [compared.test(measure).p_t for measure in OURS]
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist(), abs=1e-9)
