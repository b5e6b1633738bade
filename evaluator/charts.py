"""Charts: a table in, an Altair chart out. Fonts and fills are the theme's, set where charts are drawn."""

from __future__ import annotations

import altair as alt
import pandas as pd

ROW_HEIGHT = 36
"""Pixels of one variant's row."""
MARGIN = 12
"""Pixels right of the longest bar's value."""


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
