"""The charts of the pages as SVG and PNG files, in the colours of the light theme."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import altair as alt
import pandas as pd
import vl_convert

from evaluator.analysis.leaderboard import Leaderboard, board_of, leaderboard
from evaluator.analysis.pair import PairLook, look_at_pair, pair_table
from evaluator.analysis.recommendation import COSTS, Cost, tradeoff_rows
from evaluator.analysis.snapshot import read_snapshot
from evaluator.charts.comparison import Sides, difference_bars, difference_histogram, score_scatter
from evaluator.charts.scores import interval_points, tradeoff_points
from evaluator.domain.records import ExperimentRow
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.location import app_folder
from evaluator.workspace.workspace import Workspace

Image = Literal["svg", "png"]

WIDTH = 720
"""Pixels of a figure's inner width."""
HALF_WIDTH = 330
"""Pixels of the inner width of a figure that stands beside another."""
SHARPNESS = 2.0
"""Pixels of a PNG for each pixel of the figure."""
DRAWN = 25
"""Maximum variants in a figure; the best are shown."""
FONT = "Source Sans 3, Source Sans Pro, Helvetica, Arial, sans-serif"


@dataclass(frozen=True)
class FigureOptions:
    """Options of a figure.

    Attributes:
        measure: by default the experiment's first measure.
        baseline: a variant whose score is drawn as a line.
        a, b: the variants that are compared; by default as in `compared`.
        cost: the cost against which quality is drawn.
    """

    measure: str | None = None
    baseline: str | None = None
    a: str | None = None
    b: str | None = None
    cost: Cost = "p95_ms"


@cache
def theme() -> dict[str, Any]:
    """The light theme of the pages."""
    config = tomllib.loads((app_folder() / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    light: dict[str, Any] = config["theme"]["light"]
    return light


def ink() -> str:
    """The colour of text."""
    return str(theme()["textColor"])


def sides(a: str, b: str) -> Sides:
    """The colours of two compared variants, and grey for ties."""
    colors = theme()["chartCategoricalColors"]
    return Sides(a, b, (colors[0], colors[1], colors[-1]))


def scores_figure(board: Leaderboard) -> alt.LayerChart:
    """Scores with their intervals, best first."""
    table = board.table
    scores = table.set_index("variant")[board.measure]
    baseline = board.baseline
    reference = None if baseline is None or pd.isna(scores[baseline]) else float(scores[baseline])
    return interval_points(table.head(DRAWN), board.measure, ink(), reference)


def tradeoffs_figure(board: Leaderboard, cost: Cost) -> alt.LayerChart | None:
    """Quality against a cost; None if no variant's cost is known."""
    table = pd.DataFrame(row for row in tradeoff_rows(board, cost) if row["cost"] is not None)
    if table.empty:
        return None
    return tradeoff_points(table, board.measure, f"{COSTS[cost].label} ({COSTS[cost].unit})", ink())


def image(chart: alt.Chart | alt.LayerChart, kind: Image, width: int = WIDTH) -> bytes:
    """A chart as the bytes of an image; in SVG, text stays text.

    Args:
        chart: the chart.
        kind: the format of the image.
        width: pixels of the inner width.
    """
    styled = (
        _with_values(chart)
        .properties(width=width, background="white" if kind == "png" else "transparent")
        .configure(font=FONT)
        .configure_range(category=theme()["chartCategoricalColors"])
        .configure_view(stroke=None)
        .configure_axis(gridColor="#e3e9ea", domainColor="#9fb0b5", tickColor="#9fb0b5")
    )
    spec, version = styled.to_dict(), ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    if kind == "svg":
        svg: str = vl_convert.vegalite_to_svg(spec, vl_version=version)
        return svg.encode()
    png: bytes = vl_convert.vegalite_to_png(spec, vl_version=version, scale=SHARPNESS)
    return png


def _with_values(chart: alt.Chart | alt.LayerChart) -> alt.Chart | alt.LayerChart:
    """A copy of the chart that contains its rows as values.

    How Altair passes tables on is a setting of the whole process, which pages change whenever they draw a chart.
    """
    copy = chart.copy(deep=False)
    if isinstance(copy.data, pd.DataFrame):
        copy.data = alt.Data(values=json.loads(copy.data.to_json(orient="records")))
    if isinstance(copy, alt.LayerChart):
        copy.layer = [_with_values(layer) for layer in copy.layer]
    return copy


def figure(
    workspace: Workspace, experiment: ExperimentRow, name: str, options: FigureOptions, kind: Image
) -> bytes:
    """One of an experiment's figures as the bytes of an image.

    Args:
        workspace: the workspace.
        experiment: the experiment.
        name: one of `FIGURES`.
        options: the figure's options.
        kind: the format of the image.

    Raises:
        InvalidInputError: there is nothing to draw.
        UnknownNameError: there is no such figure, measure or variant; lists the existing ones.
    """
    if name not in FIGURES:
        raise UnknownNameError(f"there is no figure {name!r}; there are: {', '.join(FIGURES)}")
    chart = FIGURES[name](workspace, experiment, options)
    if chart is None:
        raise InvalidInputError(f"there is nothing to draw as {name} yet")
    return image(chart, kind)


def compared(workspace: Workspace, board: Leaderboard, a: str | None, b: str | None) -> PairLook | None:
    """Two variants of a leaderboard; by default the best one and the baseline, or without a baseline the second.

    Call this in the same transaction (`Workspace.frozen`) in which the leaderboard was read.
    """
    names = [row.variant for row in board.scored]
    first = a or next((name for name in names if name != b), None)
    others = [board.baseline, *names]
    second = b or next((name for name in others if name is not None and name != first), None)
    if first is None or second is None:
        return None
    return look_at_pair(workspace, board.experiment.id, board.measure, first, second, board.baseline)


Draw = Callable[[Workspace, ExperimentRow, FigureOptions], alt.Chart | alt.LayerChart | None]


def _scores(workspace: Workspace, experiment: ExperimentRow, options: FigureOptions) -> alt.LayerChart | None:
    board = leaderboard(workspace, experiment, options.measure, baseline=options.baseline)
    return scores_figure(board) if board.n_scored else None


def _tradeoffs(
    workspace: Workspace, experiment: ExperimentRow, options: FigureOptions
) -> alt.LayerChart | None:
    return tradeoffs_figure(leaderboard(workspace, experiment, options.measure), options.cost)


def _of_pair(
    chart: Callable[[pd.DataFrame, str, Sides], alt.Chart | alt.LayerChart],
) -> Draw:
    def draw(
        workspace: Workspace, experiment: ExperimentRow, options: FigureOptions
    ) -> alt.Chart | alt.LayerChart | None:
        def read() -> PairLook | None:
            snapshot = read_snapshot(workspace, experiment.id)
            board = board_of(snapshot, options.measure, baseline=options.baseline)
            return compared(workspace, board, options.a, options.b)

        look = workspace.frozen(read)
        if look is None or look.pair is None:
            return None
        outcome = look.pair.outcome
        table = pair_table(workspace, look, look.pair)
        return chart(table, outcome.measure, sides(outcome.a, outcome.b))

    return draw


FIGURES: Mapping[str, Draw] = {
    "scores": _scores,
    "tradeoffs": _tradeoffs,
    "differences": _of_pair(lambda table, measure, of: difference_bars(table, measure, of, ink())),
    "histogram": _of_pair(
        lambda table, measure, of: difference_histogram(table["difference"], measure, of, ink())
    ),
    "scatter": _of_pair(lambda table, measure, of: score_scatter(table, measure, of, ink())),
}
"""The functions that draw figures, by name."""
