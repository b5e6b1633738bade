"""An experiment whose budget is reached says so where people look at it."""

from __future__ import annotations

from evaluator.domain.result import ExperimentStop
from evaluator.store import results
from evaluator.workspace.workspace import Workspace
from tests.ui.conftest import AddExperiment, labels, open_page, text_of


def test_a_stopped_experiment_says_why_and_how_to_go_on(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25")
    stop = ExperimentStop(spec.id, "the budget of 0.50 USD is reached: 0.51 USD spent")
    results.record(workspace.database, [stop])
    app = open_page("experiments", experiment=spec.id)
    assert not app.exception
    assert "Stopped: the budget of 0.50 USD is reached: 0.51 USD spent. What is done stays." in text_of(app)
    assert "Use as a template" in labels(app, "page_link")
