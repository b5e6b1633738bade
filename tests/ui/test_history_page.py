"""The history page: empty, nothing finished, a first point, and what became worse."""

from __future__ import annotations

from evaluator.library import catalog
from evaluator.workspace.workspace import Workspace
from tests.conftest import TOPICS, WriteDataset
from tests.ui.conftest import AddExperiment, labels, open_page, record, text_of


def test_before_the_first_experiment_it_explains_what_to_do(workspace: Workspace) -> None:
    app = open_page("history")
    assert not app.exception
    assert "No experiment has run yet" in text_of(app)


def test_while_the_first_experiment_runs_there_is_nothing_to_see(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    record(workspace, add_experiment(workspace, "bm25"), "bm25", 0.4, n=5)
    app = open_page("history")
    assert not app.exception
    assert "No experiment over this dataset has finished yet." in text_of(app)


def test_the_first_point_says_how_a_history_begins(
    workspace: Workspace, add_experiment: AddExperiment
) -> None:
    spec = add_experiment(workspace, "bm25", "failing")
    record(workspace, spec, "bm25", 0.4)
    record(workspace, spec, "failing", 0.3, failed=2)
    app = open_page("history")
    assert not app.exception
    assert "History appears after a second run" in text_of(app)
    assert list(app.dataframe[0].value["outcome"]) == ["first", "first"]
    assert labels(app, "download_button") == ["CSV"]


def test_what_became_worse_stands_first(
    workspace: Workspace, add_experiment: AddExperiment, write_dataset: WriteDataset
) -> None:
    before = add_experiment(workspace, "bm25", "other")
    record(workspace, before, "bm25", 0.8)
    record(workspace, before, "other", 0.4)
    catalog.import_folder(workspace, write_dataset("more", documents=[*TOPICS, "another"]), name="tiny")
    after = add_experiment(workspace, "bm25", "other", name="nightly")
    record(workspace, after, "bm25", 0.5)
    record(workspace, after, "other", 0.4)

    app = open_page("history", dataset="tiny")
    assert not app.exception
    written = text_of(app)
    assert "1 regression" in written
    assert "In nDCG@10, version 2, " in written
    assert "**bm25** -0.3000 (p = 0.004). Changed: documents." in written
    assert {"Before", "After: nightly"} <= set(labels(app, "page_link"))
    table = app.dataframe[0].value
    assert list(table["number"]) == [2, 2, 1, 1]
    assert list(table["outcome"])[:2] == ["+0.0000, not separable", "-0.3000, worse"]

    app.multiselect("history-variants").set_value(["other"]).run()
    assert app.query_params["variants"] == "other"
    assert set(app.dataframe[0].value["variant"]) == {"other"}

    app.selectbox("choose-Measure").select("RR@10").run()
    assert app.query_params["measure"] == "RR@10"
    assert "regression" not in text_of(app).replace("A ring marks a regression", "")


def test_an_address_that_leads_nowhere_says_so(workspace: Workspace, add_experiment: AddExperiment) -> None:
    record(workspace, add_experiment(workspace, "bm25"), "bm25", 0.4)
    assert open_page("history", dataset="gone").error[0].value.startswith("No dataset is called 'gone'")
    assert "No experiment over 'tiny' computed AP@5" in open_page("history", measure="AP@5").error[0].value
