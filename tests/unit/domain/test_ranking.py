"""The order of ranked lists: score descending, ties by document id descending, as trec_eval has it."""

from __future__ import annotations

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from evaluator.domain.ranking import EMPTY, Ranking, rank, ranking_from_rows, tie_order, top_rows

# What C strings can hold: trec_eval ends an id at a NUL, and UTF-8 has no surrogates.
ID_CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
DOC_IDS = st.text(ID_CHARACTERS, min_size=1, max_size=4) | st.sampled_from(
    [
        "d1",
        "d10",
        "d2",
        "D2",
        "ä",
        "a",
        "z",
        "文",
        "\U0001f600",
        "\uffff",
    ]  # UTF-16 orders the last two otherwise
)
FEW_SCORES = st.sampled_from([0.0, -0.0, 1.0, 0.5, -1.0, 1.0 + 1e-9, 0.1, 0.1 + 1e-12])
SCORES = FEW_SCORES | st.floats(-1e6, 1e6, width=32)
RUNS = st.dictionaries(DOC_IDS, SCORES, min_size=1, max_size=30)


def test_higher_scores_come_first() -> None:
    assert rank(["a", "b", "c"], [0.1, 0.3, 0.2], 10) == Ranking(
        ("b", "c", "a"), tuple(np.array([0.3, 0.2, 0.1], dtype=np.float32).tolist())
    )


def test_ties_are_broken_by_document_id_descending() -> None:
    assert rank(["d1", "d10", "d2"], [1, 1, 1], 10).doc_ids == ("d2", "d10", "d1")


def test_the_tied_document_with_the_higher_id_stays_when_the_list_is_cut() -> None:
    assert rank(["a", "c", "b"], [1, 1, 1], 2).doc_ids == ("c", "b")


def test_scores_are_compared_as_float32_because_trec_eval_reads_them_as_such() -> None:
    # 1 + 1e-9 is 1 in float32 (its step there is 1.2e-7): a tie, and so "b" first.
    assert rank(["a", "b"], [1 + 1e-9, 1], 10) == Ranking(("b", "a"), (1.0, 1.0))


def test_ids_are_compared_by_their_utf8_bytes() -> None:
    # "z" is 7A, "ä" C3 A4, U+FFFF EF BF BF, U+1F600 F0 9F 98 80.
    assert rank(["\uffff", "\U0001f600", "z", "ä"], [0, 0, 0, 0], 4).doc_ids == (
        "\U0001f600",
        "\uffff",
        "ä",
        "z",
    )


def test_tie_order_is_the_place_among_the_sorted_ids() -> None:
    assert tie_order(["b", "c", "a"]).tolist() == [1, 2, 0]
    assert tie_order([]).tolist() == []


def test_a_ranking_has_a_score_for_each_document() -> None:
    with pytest.raises(ValueError, match="2 documents but 1 scores"):
        Ranking(("a", "b"), (1.0,))


def test_lists_can_be_cut_and_lose_a_document() -> None:
    ranking = Ranking(("c", "b", "a"), (3.0, 2.0, 1.0))
    assert ranking.top(2) == Ranking(("c", "b"), (3.0, 2.0))
    assert ranking.without({"b"}) == Ranking(("c", "a"), (3.0, 1.0))
    assert ranking.without({"x"}) == ranking
    assert (len(ranking), len(EMPTY), rank([], [], 10)) == (3, 0, EMPTY)


@given(RUNS, st.integers(1, 40))
def test_top_rows_are_the_beginning_of_a_full_sort(run: dict[str, float], depth: int) -> None:
    ids, scores = list(run), np.array(list(run.values()))
    by_hand = sorted(
        range(len(ids)), key=lambda row: (np.float32(scores[row]), ids[row].encode()), reverse=True
    )
    assert top_rows(scores, tie_order(ids), depth).tolist() == by_hand[:depth]


@given(RUNS, st.integers(1, 40), st.randoms())
def test_the_order_of_the_input_is_irrelevant(
    run: dict[str, float], depth: int, random: np.random.RandomState
) -> None:
    items = list(run.items())
    random.shuffle(items)
    shuffled = rank([doc_id for doc_id, _ in items], [score for _, score in items], depth)
    assert shuffled == rank(list(run), list(run.values()), depth)


@given(RUNS)
def test_ranking_a_ranked_list_changes_nothing(run: dict[str, float]) -> None:
    once = rank(list(run), list(run.values()), 40)
    assert rank(once.doc_ids, once.scores, 40) == once


@given(RUNS, st.integers(1, 40))
def test_a_corpus_row_by_row_and_a_list_of_ids_rank_alike(run: dict[str, float], depth: int) -> None:
    ids, scores = list(run), np.array(list(run.values()), dtype=np.float32)
    rows = top_rows(scores, tie_order(ids), depth)
    assert ranking_from_rows(rows, scores, ids) == rank(ids, list(run.values()), depth)


@given(RUNS)
def test_trec_eval_has_the_same_order(run: dict[str, float]) -> None:
    """trec_eval tells a document's place if that document alone is relevant: its reciprocal rank is 1/place."""
    places = {doc_id: n for n, doc_id in enumerate(rank(list(run), list(run.values()), 40).doc_ids, start=1)}
    qrels = {doc_id: {doc_id: 1} for doc_id in run}
    measured = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(dict.fromkeys(run, run))
    assert {doc_id: round(1 / values["recip_rank"]) for doc_id, values in measured.items()} == places
