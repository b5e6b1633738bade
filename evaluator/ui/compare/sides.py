"""The two variants of a comparison as charts name and colour them."""

from __future__ import annotations

from evaluator.charts.comparison import Sides
from evaluator.ui.shell.theme import palette


def sides(a: str, b: str) -> Sides:
    """The two variants in the colours of the reader's theme, and grey for neither."""
    colors = palette()
    return Sides(a, b, (colors[0], colors[1], colors[-1]))
