"""Charts: a table in, an Altair chart out. Fonts and fills are the theme's, set where charts are drawn."""

from __future__ import annotations

import altair as alt
import pandas as pd

ROW_HEIGHT = 36
"""Pixels of one variant's row."""
MARGIN = 12
"""Pixels right of the longest bar's value."""

SMALL_HEIGHT = 170
"""Pixels of a chart that stands beside others."""
FEW_BARS = 8
"""Bars that have room for their values."""


def score_bars(table: pd.DataFrame, measure: str, ink: str) -> alt.LayerChart:
    """Horizontal bars in the table's order, from zero, each with its value.

    Args:
        table: one row a variant, with the columns `variant` and the measure; rows without a value are left out.
        measure: the column to draw.
        ink: colour of what is written.
    """
    # Vega reads dots and brackets in field names as paths, and measures have them: AP(rel=2)@100.
    scores = table[["variant", measure]].dropna().set_axis(["variant", "score"], axis="columns")
    highest = float(scores["score"].max()) if len(scores) else 0.0
    bars = alt.Chart(scores).encode(
        y=alt.Y("variant:N", sort=list(scores["variant"]), title=None).axis(
            labelLimit=170, ticks=False, domain=False, labelPadding=8, labelColor=ink, labelFontSize=13
        ),
        x=alt.X("score:Q", title=measure)
        .scale(domain=[0, highest or 1.0], nice=False)
        .axis(tickCount=5, labelColor=ink, titleColor=ink),
        tooltip=[
            alt.Tooltip("variant:N", title="variant"),
            alt.Tooltip("score:Q", title=measure, format=".4f"),
        ],
    )
    values = bars.mark_text(align="left", dx=6, color=ink, fontSize=13).encode(
        text=alt.Text("score:Q", format=".4f")
    )
    return (bars.mark_bar(cornerRadiusEnd=3, size=22) + values).properties(
        height=alt.Step(ROW_HEIGHT), padding={"left": 0, "top": 0, "right": MARGIN, "bottom": 0}
    )


def count_bars(
    table: pd.DataFrame, label: str, value: str, ink: str, *, format_: str = ",d"
) -> alt.LayerChart:
    """Small upright bars in the table's order, from zero; each says its value where they are few.

    Args:
        table: one row a bar: what it is called, and how high it is.
        label: the first column, and the title of the axis below.
        value: the second column, and the title of the axis at the left.
        ink: colour of what is written.
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
