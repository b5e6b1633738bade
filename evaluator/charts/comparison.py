"""Charts of two variants beside each other: a table in, an Altair chart out, as in `charts`.

Colour shows which variant is ahead, always together with position or shape.
"""

from __future__ import annotations

from typing import NamedTuple

import altair as alt
import numpy as np
import pandas as pd

PICKED = "picked"
"""Name of the selection that a click on a query's bar makes; its field is `query_id`."""
MOST_BARS = 600
"""Bars that can be told apart; of more queries, every n-th is drawn."""
N_BINS = 21
"""Bins of the histogram; an odd number, so that one bin has 0 in its middle."""
GRID = 50
"""Steps of either axis of the scatter plot; queries within one are one point."""
HEIGHT = 280
"""Pixels of a chart's height."""
ROW_HEIGHT = 30
"""Pixels of one row of intervals."""
LONGEST_LABEL = 170
"""Pixels."""


class Sides(NamedTuple):
    """The two variants that are compared, as a chart names them, and the colours of each and of neither."""

    a: str
    b: str
    colors: tuple[str, str, str]

    def words(self, differences: pd.Series) -> pd.Series:
        """The variant that is ahead, for each difference."""
        named = np.select([differences > 0, differences < 0], self.domain[:2], self.domain[2])
        return pd.Series(named, index=differences.index, dtype="string")

    @property
    def domain(self) -> list[str]:
        """What the legend says."""
        return [f"{self.a} better", f"{self.b} better", "equal"]

    def color(self, ink: str) -> alt.Color:
        """The colour of the variant that is ahead."""
        return (
            alt.Color("ahead:N", title=None)
            .scale(domain=self.domain, range=list(self.colors))
            .legend(
                orient="top", labelColor=ink, labelLimit=220, columns=1 if len(self.a + self.b) > 40 else 3
            )
        )


def thinned(table: pd.DataFrame, most: int = MOST_BARS) -> pd.DataFrame:
    """Every n-th row of a sorted table, the first and the last among them: the shape of the chart stays."""
    if len(table) <= most:
        return table
    return table.iloc[np.unique(np.linspace(0, len(table) - 1, most).round().astype(int))]


def difference_bars(table: pd.DataFrame, measure: str, sides: Sides, ink: str) -> alt.Chart:
    """One upright bar per query, in the table's order, up where `a` is better and down where `b` is.

    Args:
        table: one row a query, with the columns query_id, text, a, b, difference.
        measure: what the differences are of.
        sides: the compared variants.
        ink: colour of texts.
    """
    rows = thinned(table)[["query_id", "text", "a", "b", "difference"]]
    rows = rows.assign(place=range(len(rows)), ahead=sides.words(rows["difference"]))
    picked = alt.selection_point(name=PICKED, fields=["query_id"], on="click", empty=True)
    return (
        alt.Chart(rows)
        .mark_bar(cursor="pointer", minBandSize=1)
        .encode(
            x=alt.X(
                "place:O", title=None, axis=None, scale=alt.Scale(paddingInner=0.1 if len(rows) < 100 else 0)
            ),
            y=_axis(alt.Y("difference:Q", title=f"difference in {measure}"), ink),
            color=sides.color(ink),
            tooltip=[
                alt.Tooltip("text:N", title="query"),
                alt.Tooltip("query_id:N", title="id"),
                alt.Tooltip("a:Q", title=f"{measure} of {sides.a}", format=".4f"),
                alt.Tooltip("b:Q", title=f"{measure} of {sides.b}", format=".4f"),
                alt.Tooltip("difference:Q", format="+.4f"),
            ],
        )
        .add_params(picked)
        .properties(height=HEIGHT)
    )


def difference_histogram(differences: pd.Series, measure: str, sides: Sides, ink: str) -> alt.Chart:
    """How many queries differ by how much; the bin in the middle holds 0."""
    values = differences.to_numpy(np.float64)
    widest = float(np.abs(values).max(initial=0)) or 1.0
    counts, edges = np.histogram(values, bins=N_BINS, range=(-widest, widest))
    middles = pd.Series((edges[:-1] + edges[1:]) / 2).where(np.arange(N_BINS) != N_BINS // 2, 0.0)
    rows = pd.DataFrame(
        {"low": edges[:-1], "high": edges[1:], "queries": counts, "ahead": sides.words(middles)}
    )
    rows["ahead"] = rows["ahead"].replace({"equal": "about equal"})
    named = sides.color(ink).scale(domain=[*sides.domain[:2], "about equal"], range=list(sides.colors))
    return (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            x=_axis(alt.X("low:Q", bin="binned", title=f"difference in {measure}"), ink),
            x2="high:Q",
            y=_axis(alt.Y("queries:Q"), ink, tickMinStep=1, format=",d"),
            color=named.legend(None),
            tooltip=[
                alt.Tooltip("low:Q", title="from", format="+.3f"),
                alt.Tooltip("high:Q", title="to", format="+.3f"),
                alt.Tooltip("queries:Q", format=",d"),
                alt.Tooltip("ahead:N", title=" "),
            ],
        )
        .properties(height=HEIGHT)
    )


def score_scatter(table: pd.DataFrame, measure: str, sides: Sides, ink: str) -> alt.LayerChart:
    """Scores of `a` against `b`, with the diagonal of equal scores; a larger point is several queries.

    Args:
        table: as for `difference_bars`.
        measure: what the scores are of.
        sides: the compared variants.
        ink: colour of texts.
    """
    highest = max(1.0, float(table[["a", "b"]].max().max())) if len(table) else 1.0
    step = highest / GRID
    places = table.assign(**{side: (table[side] / step).round() * step for side in "ab"})
    rows = places.groupby(["a", "b"], as_index=False).agg(
        queries=("query_id", "size"), difference=("difference", "mean"), text=("text", "first")
    )
    rows["ahead"] = sides.words((rows["a"] - rows["b"]).round(9))
    rows["text"] = rows["text"].where(rows["queries"] == 1, rows["queries"].astype(str) + " queries")
    ends = pd.DataFrame({"b": [0.0, highest], "a": [0.0, highest]})
    x = _axis(alt.X("b:Q", title=f"{measure} of {sides.b}"), ink).scale(domain=[0, highest], nice=False)
    y = _axis(alt.Y("a:Q", title=f"{measure} of {sides.a}"), ink).scale(domain=[0, highest], nice=False)
    diagonal = alt.Chart(ends).mark_line(color=ink, opacity=0.5, strokeDash=[4, 4]).encode(x=x, y=y)
    points = (
        alt.Chart(rows)
        .mark_point(filled=True, opacity=0.75)
        .encode(
            x=x,
            y=y,
            size=alt.Size("queries:Q").scale(range=[30, 500]).legend(None),
            shape=alt.Shape("ahead:N")
            .scale(domain=sides.domain, range=["triangle-up", "triangle-down", "circle"])
            .legend(None),
            color=sides.color(ink).legend(None),
            tooltip=[
                alt.Tooltip("text:N", title="query"),
                alt.Tooltip("a:Q", title=f"{measure} of {sides.a}", format=".2f"),
                alt.Tooltip("b:Q", title=f"{measure} of {sides.b}", format=".2f"),
                alt.Tooltip("queries:Q", format=",d"),
            ],
        )
    )
    return (diagonal + points).properties(height=HEIGHT)


def interval_rows(table: pd.DataFrame, title: str, sides: Sides, ink: str) -> alt.LayerChart:
    """One dot and its interval per row, in the table's order, against a line at 0.

    Args:
        table: one row each, with the columns label, difference, low, high, clear (whether one is ahead), note;
            rows without an interval (NaN) are a hollow dot.
        title: of the axis below.
        sides: the compared variants.
        ink: colour of texts.
    """
    rows = table[["label", "difference", "low", "high", "clear", "note"]]
    shown = rows["difference"].where(rows["clear"], 0.0)
    rows = rows.assign(ahead=sides.words(shown), known=rows["low"].notna())
    base = alt.Chart(rows).encode(
        y=alt.Y("label:N", sort=list(rows["label"]), title=None).axis(
            labelLimit=LONGEST_LABEL,
            ticks=False,
            domain=False,
            labelPadding=8,
            labelColor=ink,
            labelFontSize=13,
            labelFlush=False,
        ),
        x=_axis(alt.X("difference:Q", title=title), ink),
        color=alt.Color("ahead:N").scale(domain=sides.domain, range=list(sides.colors)).legend(None),
        tooltip=[
            alt.Tooltip("label:N", title=" "),
            alt.Tooltip("difference:Q", format="+.4f"),
            alt.Tooltip("low:Q", title="from", format="+.4f"),
            alt.Tooltip("high:Q", title="to", format="+.4f"),
            alt.Tooltip("note:N", title=" "),
        ],
    )
    zero = alt.Chart(pd.DataFrame({"difference": [0.0]})).encode(x="difference:Q")
    known = base.transform_filter("datum.known")
    return alt.layer(
        zero.mark_rule(color=ink, opacity=0.5),
        known.mark_rule(strokeWidth=2.5).encode(x=alt.X("low:Q"), x2="high:Q"),
        known.mark_point(filled=True, size=90, opacity=1),
        base.transform_filter("!datum.known").mark_point(filled=False, size=90, opacity=1),
    ).properties(height=alt.Step(ROW_HEIGHT))


def _axis(channel: alt.X | alt.Y, ink: str, **more: object) -> alt.X | alt.Y:
    """A quantitative axis in the style of these charts."""
    return channel.axis(tickCount=5, labelColor=ink, titleColor=ink, **more)
