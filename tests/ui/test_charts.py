"""Charts as specifications: what is drawn, in which order."""

from __future__ import annotations

import pandas as pd

from evaluator.charts import count_bars, score_bars

INK = "#123456"


def test_bars_are_in_the_tables_order_with_their_values() -> None:
    table = pd.DataFrame({"variant": ["b", "a", "c"], "AP(rel=2)@100": [0.5, 0.25, None]})
    chart = score_bars(table, "AP(rel=2)@100", INK).to_dict()
    bars, values = chart["layer"]
    assert bars["encoding"]["y"]["sort"] == ["b", "a"]
    assert bars["encoding"]["x"]["title"] == "AP(rel=2)@100"
    assert bars["encoding"]["x"]["scale"]["domain"][0] == 0
    assert values["encoding"]["text"]["format"] == ".4f"
    assert values["mark"]["color"] == INK
    (rows,) = chart["datasets"].values()
    assert rows == [{"variant": "b", "score": 0.5}, {"variant": "a", "score": 0.25}]


def test_scores_of_zero_still_have_an_axis() -> None:
    chart = score_bars(pd.DataFrame({"variant": ["a"], "nDCG@10": [0.0]}), "nDCG@10", INK).to_dict()
    assert chart["layer"][0]["encoding"]["x"]["scale"]["domain"][1] > 0


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
