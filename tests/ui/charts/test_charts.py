"""Charts as specifications: what is drawn, in which order."""

from __future__ import annotations

import io
from typing import Any

import pandas as pd
import pytest

from evaluator.charts.scores import count_bars, history_lines, interval_points, tradeoff_points

INK = "#123456"


def layers(chart: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """A chart's layers by kind of mark."""
    return {layer["mark"]["type"]: layer for layer in chart["layer"]}


def test_points_are_in_the_tables_order_with_their_intervals() -> None:
    table = pd.DataFrame(
        {
            "variant": ["b", "a", "c"],
            "AP(rel=2)@100": [0.5, 0.25, None],
            "low": [0.4, 0.2, None],
            "high": [0.6, 0.3, None],
            "tied": [True, False, None],
        }
    )
    chart = interval_points(table, "AP(rel=2)@100", INK).to_dict()
    drawn = layers(chart)
    point, bar = drawn["point"]["encoding"], drawn["rule"]["encoding"]
    assert point["y"]["sort"] == ["b", "a"]
    assert point["x"]["title"] == "AP(rel=2)@100"
    assert (bar["x"]["field"], bar["x2"]["field"]) == ("low", "high")
    assert point["shape"]["field"] == point["color"]["field"] == "group"  # not by colour alone
    (rows,) = chart["datasets"].values()
    assert rows == [
        {"variant": "b", "score": 0.5, "low": 0.4, "high": 0.6, "group": "may be the best"},
        {"variant": "a", "score": 0.25, "low": 0.2, "high": 0.3, "group": "worse than the best"},
    ]


def test_the_baseline_is_a_dashed_line() -> None:
    table = pd.DataFrame({"variant": ["a"], "m": [0.5], "low": [None], "high": [None], "tied": [True]})
    chart = interval_points(table, "m", INK, baseline=0.5).to_dict()
    assert chart["layer"][0]["mark"]["strokeDash"]
    assert {"variant": "a", "score": 0.5, "low": 0.5, "high": 0.5, "group": "may be the best"} in [
        row for rows in chart["datasets"].values() for row in rows
    ]


@pytest.mark.parametrize(("cheap", "scale"), [(1.0, "log"), (30.0, "linear"), (0.0, "linear")])
def test_costs_that_differ_a_lot_are_drawn_on_a_logarithmic_scale(cheap: float, scale: str) -> None:
    table = pd.DataFrame(
        {
            "place": [1, 2], "variant": ["a", "b"], "score": [0.5, 0.25], "low": [0.4, 0.2], "high": [0.6, 0.3],
            "cost": [100.0, cheap], "front": [True, False],
        }
    )  # fmt: skip
    chart = tradeoff_points(table, "nDCG@10", "p95 latency (ms)", INK, limit=50).to_dict()
    point = layers(chart)["point"]["encoding"]
    assert point["x"]["scale"]["type"] == scale
    assert point["shape"]["field"] == "group"
    assert layers(chart)["text"]["encoding"]["text"]["field"] == "place"
    assert chart["layer"][0]["mark"]["strokeDash"]


def test_a_few_counts_are_drawn_with_their_values() -> None:
    grades = pd.DataFrame({"grade": [0, 1, 2], "judgments": [12, 21, 0]})
    chart = count_bars(grades, "grade", "judgments", INK).to_dict()
    bars, values = chart["layer"]
    assert bars["encoding"]["x"]["title"] == "grade"
    assert bars["encoding"]["x"]["sort"] is None  # the table's order
    assert bars["encoding"]["y"]["title"] == "judgments"
    assert values["encoding"]["text"]["format"] == ",d"
    (rows,) = chart["datasets"].values()
    assert rows[1] == {"label": 1, "value": 21}


def test_many_counts_are_drawn_without_their_values() -> None:
    lengths = pd.DataFrame({"words": [str(n) for n in range(20)], "documents": range(20)})
    assert len(count_bars(lengths, "words", "documents", INK).to_dict()["layer"]) == 1


def test_shares_are_written_as_percents() -> None:
    languages = pd.DataFrame({"language": ["en", "unknown"], "share": [0.98, 0.02]})
    bars, values = count_bars(languages, "language", "share", INK, format_=".0%").to_dict()["layer"]
    assert bars["encoding"]["y"]["axis"]["format"] == ".0%"
    assert values["encoding"]["text"]["format"] == ".0%"


def history(names: list[str], worse: bool = False) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "when": when, "variant": name, "score": 0.5, "low": None, "high": None, "note": "", "regression": worse,
        }
        for when in ("#1 · version 1", "#2 · version 2")
        for name in names
    )  # fmt: skip


def test_a_history_is_told_apart_by_shape_too_and_rings_what_became_worse() -> None:
    chart = history_lines(history(["a", "b"], worse=True), "nDCG@10", INK).to_dict()
    points = [layer for layer in chart["layer"] if layer["mark"]["type"] == "point"]
    assert points[0]["encoding"]["shape"]["field"] == "variant"
    (rows, *_) = chart["datasets"].values()
    assert [row["x"] for row in rows] == [
        -0.02,
        0.02,
        0.98,
        1.02,
    ]  # two experiments; variants beside each other
    assert points[1]["mark"] == {
        "type": "point",
        "filled": False,
        "size": 320,
        "strokeWidth": 2,
        "color": INK,
    }


@pytest.mark.parametrize("worse", [True, False])
def test_a_history_can_be_drawn(worse: bool) -> None:
    buffer = io.StringIO()
    history_lines(history(["a", "b"], worse), "nDCG@10", INK).save(buffer, format="svg")
    assert "version 2" in buffer.getvalue()
