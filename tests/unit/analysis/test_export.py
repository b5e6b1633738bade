"""Exports that every tool reads alike."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from evaluator.analysis.export import run_lines, strictly_descending
from evaluator.domain.ranking import rank

STEP = np.float32(2.0**-24)  # between 0.5 and 1, below 1


def test_ties_become_the_smallest_steps() -> None:
    scores = strictly_descending(np.array([1.0, 1.0, 1.0, 0.25], dtype=np.float32))
    assert scores.tolist() == [1.0, 1.0 - STEP, 1.0 - 2 * STEP, 0.25]


def test_scores_without_ties_stay_as_they_are() -> None:
    scores = np.array([3.5, 2.0, -1.0], dtype=np.float32)
    assert strictly_descending(scores).tolist() == scores.tolist()


@given(st.lists(st.sampled_from([0.0, 1e-30, 0.1, 0.5, 1.0, 7.0]), min_size=1, max_size=30))
def test_the_order_is_strict_and_survives_as_text(values: list[float]) -> None:
    ranking = rank([f"d{n}" for n in range(len(values))], values, len(values))
    written = [str(score) for score in strictly_descending(np.array(ranking.scores, dtype=np.float32))]
    read = [np.float32(text) for text in written]
    assert all(first > second for first, second in itertools.pairwise(read))


def test_trec_eval_gives_the_same_before_and_after() -> None:
    ids, values = ["a", "b", "c", "d"], [0.5, 0.5, 0.5, 0.1]
    ranking = rank(ids, values, 4)
    descending = strictly_descending(np.array(ranking.scores, dtype=np.float32)).tolist()
    evaluator = pytrec_eval.RelevanceEvaluator({"q": {"b": 1}}, {"recip_rank"})
    tied = evaluator.evaluate({"q": dict(zip(ids, values, strict=True))})["q"]["recip_rank"]
    exported = evaluator.evaluate({"q": dict(zip(ranking.doc_ids, descending, strict=True))})["q"][
        "recip_rank"
    ]
    assert tied == exported == pytest.approx(1 / 2)  # c, b, a: ties by id descending


@given(st.lists(st.lists(st.sampled_from([-1.5, -0.0, 0.0, 1e-30, 0.5, 7.0]), max_size=6), max_size=6))
def test_lists_in_one_array_are_treated_separately(lists: list[list[float]]) -> None:
    arrays = [np.array(sorted(values, reverse=True), dtype=np.float32) for values in lists]
    together = np.concatenate([*arrays, np.empty(0, np.float32)])
    of = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
    alone = [score for array in arrays for score in strictly_descending(array).tolist()]
    assert strictly_descending(together, of).tolist() == alone


def test_lists_become_the_lines_of_a_run() -> None:
    lists = pa.record_batch(
        {
            "query_id": ["q1", "q2", "q3"],
            "doc_ids": [["a", "é"], [], ["c"]],
            "scores": pa.array([[1.0, 1.0], [], [0.25]], pa.list_(pa.float32())),
        }
    )
    assert bytes(run_lines(lists, "tag")).decode() == (
        "q1 Q0 a 1 1 tag\nq1 Q0 é 2 0.99999994 tag\nq3 Q0 c 1 0.25 tag\n"
    )
    assert bytes(run_lines(lists.slice(2), "tag")) == b"q3 Q0 c 1 0.25 tag\n"
    assert bytes(run_lines(lists.slice(1, 1), "tag")) == b""
