"""Charts as specifications: what is drawn, in which order."""

from __future__ import annotations

import pandas as pd

from evaluator.charts import score_bars

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
