"""Charts: a table in, an Altair chart out. Fonts and fills are the theme's, set where charts are drawn."""

from __future__ import annotations

import json

import altair as alt
import pandas as pd

SMALL_HEIGHT = 170
"""Pixels of a chart that stands beside others."""
FEW_BARS = 8
"""Bars that have room for their values."""


def count_bars(
    table: pd.DataFrame, label: str, value: str, ink: str, *, format_: str = ",d"
) -> alt.LayerChart:
    """Small upright bars in the table's order, from zero; each says its value where they are few.

    Args:
        table: one row per bar: its label and its height.
        label: the first column, and the title of the axis below.
        value: the second column, and the title of the axis at the left.
        ink: colour of texts.
        format_: how values are written, in d3's notation.
    """
    rows = table[[label, value]].set_axis(["label", "value"], axis="columns")
    bars = alt.Chart(rows).encode(
        x=alt.X("label:N", sort=None, title=label).axis(
            labelAngle=0, labelOverlap=True, ticks=False, labelColor=ink, titleColor=ink
        ),
        y=alt.Y("value:Q", title=value).axis(
            tickCount=4,
            tickMinStep=1 if format_.endswith("d") else 0,
            format=format_,
            labelColor=ink,
            titleColor=ink,
        ),
        tooltip=[
            alt.Tooltip("label:N", title=label),
            alt.Tooltip("value:Q", title=value, format=format_),
        ],
    )
    layers = [bars.mark_bar(cornerRadiusEnd=2)]
    if len(rows) <= FEW_BARS:
        layers.append(
            bars.mark_text(baseline="bottom", dy=-3, color=ink).encode(
                text=alt.Text("value:Q", format=format_)
            )
        )
    return alt.layer(*layers).properties(height=SMALL_HEIGHT)


INTERVAL_ROW = 30
"""Pixels of a variant's row of a chart of intervals."""
FEW_POINTS = 40
"""Points that have room for their numbers."""
TRADEOFF_HEIGHT = 380
"""Pixels."""
TIED, WORSE = "may be the best", "worse than the best"
ON_FRONT, BEATEN = "nothing is better and cheaper", "another is better and cheaper"


def interval_points(
    table: pd.DataFrame, measure: str, ink: str, baseline: float | None = None
) -> alt.LayerChart:
    """Points with bars for their intervals, a row per variant in the table's order; the tie group has its own look.

    Args:
        table: columns `variant`, the measure, `low` and `high` (None where there is no interval) and `tied`.
        measure: the column to draw.
        ink: colour of texts.
        baseline: score at which a dashed line stands.
    """
    rows = table[["variant", measure, "low", "high", "tied"]].dropna(subset=[measure])
    rows = rows.set_axis(["variant", "score", "low", "high", "tied"], axis="columns")
    ends = rows[["low", "high"]].astype(float)
    rows = rows.assign(
        low=ends["low"].fillna(rows["score"]),
        high=ends["high"].fillna(rows["score"]),
        group=rows["tied"].map(lambda tied: TIED if tied else WORSE),
    ).drop(columns="tied")
    y = alt.Y("variant:N", sort=list(rows["variant"]), title=None).axis(
        labelLimit=170,
        ticks=False,
        domain=False,
        labelPadding=8,
        labelColor=ink,
        labelFontSize=13,
        grid=True,
        labelFlush=False,
        labelOverlap=False,
    )
    x = (
        alt.X("score:Q", title=measure)
        .scale(zero=False, nice=True, padding=12)
        .axis(tickCount=5, labelColor=ink, titleColor=ink)
    )
    group = (
        alt.Color("group:N")
        .scale(domain=[TIED, WORSE])
        .legend(orient="top", direction="vertical", title=None, labelColor=ink, labelLimit=320)
    )
    tooltip = [
        alt.Tooltip("variant:N", title="variant"),
        alt.Tooltip("score:Q", title=measure, format=".4f"),
        alt.Tooltip("low:Q", title="from", format=".4f"),
        alt.Tooltip("high:Q", title="to", format=".4f"),
        alt.Tooltip("group:N", title="verdict"),
    ]
    drawn = alt.Chart(rows)
    layers: list[alt.Chart] = []
    if baseline is not None:
        at = alt.Chart(pd.DataFrame({"score": [baseline]}))
        layers.append(at.mark_rule(strokeDash=[5, 4], color=ink).encode(x="score:Q"))
    layers += [
        drawn.mark_rule(strokeWidth=3, opacity=0.55).encode(y=y, x=alt.X("low:Q"), x2="high:Q", color=group),
        drawn.mark_point(filled=True, size=110, opacity=1).encode(
            y=y,
            x=x,
            color=group,
            shape=alt.Shape("group:N").scale(domain=[TIED, WORSE], range=["circle", "diamond"]),
            tooltip=tooltip,
        ),
        drawn.mark_text(dy=-10, color=ink, fontSize=12).encode(
            y=y, x=x, text=alt.Text("score:Q", format=".4f")
        ),
    ]
    return alt.layer(*layers).properties(height=alt.Step(INTERVAL_ROW))


def tradeoff_points(
    table: pd.DataFrame, measure: str, cost: str, ink: str, limit: float | None = None
) -> alt.LayerChart:
    """Quality against cost: points with the intervals of their scores, and the Pareto front as a line through its own.

    Args:
        table: columns `place` (a number written beside the point), `variant`, `score`, `low`, `high`, `cost`,
            `front` (whether it is on the front).
        measure: title of the axis at the left.
        cost: title of the axis below; its scale is logarithmic where costs differ a lot.
        ink: colour of texts.
        limit: cost at which a dashed line stands.
    """
    rows = table.assign(
        low=table["low"].astype(float).fillna(table["score"]),
        high=table["high"].astype(float).fillna(table["score"]),
        group=table["front"].map(lambda front: ON_FRONT if front else BEATEN),
    )
    far = len(rows) > 0 and rows["cost"].min() > 0 and rows["cost"].max() > 20 * rows["cost"].min()
    x = (
        alt.X("cost:Q", title=cost)
        .scale(type="log" if far else "linear", zero=not far, nice=False, padding=40)
        .axis(tickCount=6, labelColor=ink, titleColor=ink, grid=False)
    )
    y = (
        alt.Y("score:Q", title=measure)
        .scale(zero=False, padding=24)
        .axis(tickCount=5, labelColor=ink, titleColor=ink)
    )
    group = (
        alt.Color("group:N")
        .scale(domain=[ON_FRONT, BEATEN])
        .legend(orient="top", direction="vertical", title=None, labelColor=ink, labelLimit=320)
    )
    drawn = alt.Chart(rows)
    front = alt.Chart(rows[rows["front"]])
    layers: list[alt.Chart] = []
    if limit is not None:
        at = alt.Chart(pd.DataFrame({"cost": [limit]}))
        layers.append(at.mark_rule(strokeDash=[5, 4], color=ink).encode(x="cost:Q"))
    layers += [
        front.mark_line(interpolate="step-after", strokeDash=[2, 3], color=ink, opacity=0.6).encode(x=x, y=y),
        drawn.mark_rule(strokeWidth=2, opacity=0.5).encode(x=x, y=alt.Y("low:Q"), y2="high:Q", color=group),
        drawn.mark_point(filled=True, size=120, opacity=1).encode(
            x=x,
            y=y,
            color=group,
            shape=alt.Shape("group:N").scale(domain=[ON_FRONT, BEATEN], range=["circle", "diamond"]),
            tooltip=[
                alt.Tooltip("variant:N", title="variant"),
                alt.Tooltip("score:Q", title=measure, format=".4f"),
                alt.Tooltip("low:Q", title="from", format=".4f"),
                alt.Tooltip("high:Q", title="to", format=".4f"),
                alt.Tooltip("cost:Q", title=cost, format=",.2f"),
                alt.Tooltip("group:N", title="verdict"),
            ],
        ),
    ]
    if len(rows) <= FEW_POINTS:
        numbers = drawn.mark_text(dx=-11, dy=-10, color=ink, fontSize=12)
        layers.append(numbers.encode(x=x, y=y, text="place:Q"))
    return alt.layer(*layers).properties(height=TRADEOFF_HEIGHT)


HISTORY_HEIGHT = 340
"""Pixels."""
BESIDE = 0.04
"""Distance of two variants' points of one experiment, in distances of two experiments."""


def history_lines(table: pd.DataFrame, measure: str, ink: str) -> alt.LayerChart:
    """Scores over time: one line per variant, by colour and shape, with intervals; regressions are ringed.

    Args:
        table: one row per point, oldest first, with the columns when (label of the axis below), variant, score, low,
            high, note, regression (whether it is one).
        measure: title of the axis at the left.
        ink: colour of texts.
    """
    rows = table.assign(
        low=table["low"].astype(float).fillna(table["score"]),
        high=table["high"].astype(float).fillna(table["score"]),
    )
    order, names = list(dict.fromkeys(rows["when"])), list(dict.fromkeys(rows["variant"]))
    # Side by side, so that intervals do not overlap, but close together.
    aside = {name: BESIDE * (place - (len(names) - 1) / 2) for place, name in enumerate(names)}
    rows["x"] = rows["when"].map(order.index) + rows["variant"].map(aside)
    x = (
        alt.X("x:Q", title=None)
        .scale(domain=[-0.5, len(order) - 0.5], nice=False)
        .axis(
            values=list(range(len(order))),
            labelExpr=f"split({json.dumps(order)}[datum.value], ' · ')",
            labelColor=ink,
            labelLimit=110,
            grid=False,
        )
    )
    y = (
        alt.Y("score:Q", title=measure)
        .scale(zero=False, padding=16)
        .axis(tickCount=5, labelColor=ink, titleColor=ink)
    )
    legend = alt.Legend(orient="top", title=None, labelColor=ink, labelLimit=260, columns=3)
    color = alt.Color("variant:N", sort=names).scale(domain=names).legend(legend)
    shape = alt.Shape("variant:N", sort=names).scale(domain=names).legend(legend)
    drawn = alt.Chart(rows).encode(x=x)
    worse = alt.Chart(rows[rows["regression"]]).encode(x=x, y=y)
    tooltip = [
        alt.Tooltip("variant:N", title="variant"),
        alt.Tooltip("score:Q", title=measure, format=".4f"),
        alt.Tooltip("low:Q", title="from", format=".4f"),
        alt.Tooltip("high:Q", title="to", format=".4f"),
        alt.Tooltip("note:N", title="since before"),
    ]
    return alt.layer(
        drawn.mark_line(strokeWidth=2, opacity=0.7).encode(y=y, color=color),
        drawn.mark_rule(strokeWidth=2, opacity=0.4).encode(y=alt.Y("low:Q"), y2="high:Q", color=color),
        drawn.mark_point(filled=True, size=80, opacity=1).encode(
            y=y, color=color, shape=shape, tooltip=tooltip
        ),
        worse.mark_point(filled=False, size=320, strokeWidth=2, color=ink),
    ).properties(height=HISTORY_HEIGHT)
