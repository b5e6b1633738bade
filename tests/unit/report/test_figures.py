"""Figures as files."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.report.figures import FIGURES, FigureOptions, figure
from evaluator.workspace.workspace import Workspace
from tests.unit.made_scores import WAITING, cost, made, measured
from tests.unit.report.test_report import GOOD, WORSE

PNG = b"\x89PNG\r\n\x1a\n"


def texts(svg: bytes) -> set[str]:
    """What is written in a figure."""
    return {
        (element.text or "").strip() for element in ET.fromstring(svg).iter() if element.tag.endswith("text")
    }


def test_every_figure_as_svg_has_its_text_as_text(workspace: Workspace) -> None:
    experiment = made(workspace, {"bm25": WORSE, "hybrid": GOOD})
    measured(workspace, experiment, {"bm25": cost(2.0), "hybrid": cost(30.0)})
    labels = {name: texts(figure(workspace, experiment, name, FigureOptions(), "svg")) for name in FIGURES}
    assert {"bm25", "hybrid", "0.8200"} <= labels["scores"]
    assert "p95 latency (ms)" in labels["tradeoffs"]
    assert "hybrid better" in labels["differences"]
    assert "difference in nDCG@10" in labels["histogram"]
    assert "nDCG@10 of bm25" in labels["scatter"]


def test_colours_are_the_pages(workspace: Workspace) -> None:
    experiment = made(workspace, {"bm25": WORSE, "hybrid": GOOD})
    assert b"#0f766e" in figure(workspace, experiment, "scores", FigureOptions(), "svg")


def test_png(workspace: Workspace) -> None:
    experiment = made(workspace, {"bm25": WORSE, "hybrid": GOOD})
    assert figure(workspace, experiment, "scores", FigureOptions(baseline="bm25"), "png").startswith(PNG)


def test_any_two_variants_can_be_drawn(workspace: Workspace) -> None:
    experiment = made(workspace, {"a": GOOD, "b": WORSE, "c": WORSE[::-1]})
    labels = texts(figure(workspace, experiment, "differences", FigureOptions(a="c", b="b"), "svg"))
    assert {"c better", "b better"} <= labels
    with pytest.raises(UnknownNameError, match="no variant 'gone'"):
        figure(workspace, experiment, "differences", FigureOptions(a="gone"), "svg")


def test_figures_that_cannot_be_drawn(workspace: Workspace) -> None:
    experiment = made(workspace, {"a": [WAITING], "b": [WAITING]})
    with pytest.raises(UnknownNameError, match="no figure 'pie'; there are: scores"):
        figure(workspace, experiment, "pie", FigureOptions(), "svg")
    for name in FIGURES:
        with pytest.raises(InvalidInputError, match=f"nothing to draw as {name}"):
            figure(workspace, experiment, name, FigureOptions(), "svg")
