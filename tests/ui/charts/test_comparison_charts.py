"""Charts of comparisons as specifications: what is drawn, in which order, and how sides are told apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evaluator.charts.comparison import (
    N_BINS,
    PICKED,
    Sides,
    difference_bars,
    difference_histogram,
    interval_rows,
    score_scatter,
    thinned,
)

INK = "#123456"
SIDES = Sides("hybrid", "bm25", ("teal", "amber", "grey"))
QUERIES = pd.DataFrame(
    {
        "query_id": ["q1", "q2", "q3", "q4"],
        "text": ["one", "two", "three", "four"],
        "a": [1.0, 0.75, 0.75, 0.0],
        "b": [0.25, 0.75, 0.75, 0.5],
        "difference": [0.75, 0.0, 0.0, -0.5],
    }
)


def rows_of(chart: dict[str, Any], column: str) -> list[dict[str, Any]]:
    """The one table of a chart that has a column."""
    (rows,) = [rows for rows in chart["datasets"].values() if column in rows[0]]
    found: list[dict[str, Any]] = rows
    return found


def test_each_query_is_a_bar_in_the_tables_order_that_can_be_chosen() -> None:
    chart = difference_bars(QUERIES, "AP(rel=2)@100", SIDES, INK).to_dict()
    assert [(row["place"], row["query_id"], row["ahead"]) for row in rows_of(chart, "place")] == [
        (0, "q1", "hybrid better"), (1, "q2", "equal"), (2, "q3", "equal"), (3, "q4", "bm25 better"),
    ]  # fmt: skip
    assert chart["encoding"]["y"]["title"] == "difference in AP(rel=2)@100"
    assert chart["encoding"]["color"]["scale"] == {
        "domain": ["hybrid better", "bm25 better", "equal"],
        "range": ["teal", "amber", "grey"],
    }
    assert [field.get("title", field["field"]) for field in chart["encoding"]["tooltip"]] == [
        "query", "id", "AP(rel=2)@100 of hybrid", "AP(rel=2)@100 of bm25", "difference",
    ]  # fmt: skip
    (picked,) = chart["params"]
    assert (picked["name"], picked["select"]["fields"]) == (PICKED, ["query_id"])


def test_of_many_queries_every_nth_is_drawn_with_both_ends() -> None:
    many = pd.DataFrame({"difference": np.linspace(1, -1, 10_001)})
    drawn = thinned(many, 101)
    assert len(drawn) == 101
    assert drawn["difference"].tolist() == pytest.approx(np.linspace(1, -1, 101))
    assert thinned(QUERIES, 4) is QUERIES


def test_the_histogram_is_symmetric_with_zero_in_its_middle() -> None:
    rows = rows_of(difference_histogram(QUERIES["difference"], "nDCG@10", SIDES, INK).to_dict(), "queries")
    assert len(rows) == N_BINS
    assert (rows[0]["low"], rows[-1]["high"]) == (-0.75, 0.75)
    middle = rows[N_BINS // 2]
    assert (middle["queries"], middle["ahead"]) == (2, "about equal")
    assert middle["low"] == pytest.approx(-middle["high"])
    assert [row["ahead"] for row in (rows[0], rows[-1])] == ["bm25 better", "hybrid better"]
    assert sum(row["queries"] for row in rows) == 4


def test_a_histogram_of_no_difference_is_one_bar() -> None:
    rows = rows_of(difference_histogram(pd.Series([0.0, 0.0]), "RR", SIDES, INK).to_dict(), "queries")
    assert [row["queries"] for row in rows if row["queries"]] == [2]


def test_queries_at_one_place_are_one_point_and_sides_have_shapes() -> None:
    chart = score_scatter(QUERIES, "nDCG@10", SIDES, INK).to_dict()
    assert [(row["b"], row["a"], row["queries"], row["text"]) for row in rows_of(chart, "queries")] == [
        (0.5, 0.0, 1, "four"), (0.76, 0.76, 2, "2 queries"), (0.24, 1.0, 1, "one"),
    ]  # fmt: skip
    diagonal, points = chart["layer"]
    assert diagonal["mark"]["type"] == "line"
    assert rows_of(chart, "queries")[1]["ahead"] == "equal"
    assert points["encoding"]["shape"]["scale"]["range"] == ["triangle-up", "triangle-down", "circle"]
    assert points["encoding"]["y"]["title"] == "nDCG@10 of hybrid"


def test_rows_keep_their_order_and_colour_says_what_was_found() -> None:
    table = pd.DataFrame(
        {
            "label": ["few", "long", "short"],
            "difference": [0.5, 0.25, -0.25],
            "low": [np.nan, 0.125, -0.5],
            "high": [np.nan, 0.375, 0.125],
            "clear": [False, True, False],
            "note": ["3 queries", "20 queries", "30 queries"],
        }
    )
    chart = interval_rows(table, "difference", SIDES, INK).to_dict()
    rows = rows_of(chart, "label")
    assert [(row["ahead"], row["known"]) for row in rows] == [
        ("equal", False), ("hybrid better", True), ("equal", True),
    ]  # fmt: skip
    zero, intervals, dots, hollow = chart["layer"]
    assert intervals["encoding"]["y"]["sort"] == ["few", "long", "short"]
    assert zero["mark"]["color"] == INK
    assert (dots["mark"]["filled"], hollow["mark"]["filled"]) == (True, False)
    assert hollow["transform"] == [{"filter": "!datum.known"}]
