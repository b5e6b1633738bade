"""Pages of a dataset without queries, and those that add queries and judgments."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from evaluator.domain.records import DatasetRow
from evaluator.library import catalog
from evaluator.uploads import uploads
from evaluator.uploads.persons import HERE
from evaluator.workspace.workspace import Workspace
from tests.documents_alone import GOLDEN, NOTES, store_alone
from tests.ui.conftest import AddExperiment, button, labels, open_page, record, text_of
from tests.ui.test_upload_page import upload, wait


@pytest.fixture
def alone(workspace: Workspace, tmp_path: Path) -> DatasetRow:
    """Ten documents without queries."""
    return store_alone(workspace, tmp_path / "notes")


def arrived(workspace: Workspace, name: str, content: str) -> str:
    """A recognised upload of one file that adds to the dataset `alone`."""

    async def chunk() -> AsyncIterator[bytes]:
        yield content.encode()

    id_ = uploads.create(workspace, adds_to="alone")
    asyncio.run(uploads.receive(workspace, id_, name, chunk()))
    uploads.recognise(workspace, id_)
    assert wait(workspace, id_).status == "recognised"
    return id_


def test_a_dataset_without_queries_says_what_to_do_on_every_tab(
    workspace: Workspace, alone: DatasetRow
) -> None:
    app = open_page("datasets", dataset="alone", tab="queries")
    assert not app.exception
    assert "These documents have no queries yet" in app.info[0].value
    assert "Experiments need queries." in text_of(app)
    assert labels(app, "page_link") == ["All datasets", "Add queries", "Add queries from files"]
    app = open_page("datasets", dataset="alone", tab="judgments")
    assert "Add queries first, or a file with both" in app.info[0].value
    assert "Add queries and judgments from files" in labels(app, "page_link")
    app = open_page("datasets", dataset="alone", tab="health")
    assert not app.exception
    assert app.subheader[0].value == "Documents alone. 1 warning"
    assert "**There are no queries yet**" in text_of(app)
    assert "Experiments need queries; add some on the dataset's page" in text_of(app)


def test_queries_are_pasted(workspace: Workspace, alone: DatasetRow) -> None:
    app = open_page("datasets", dataset="alone", tab="queries")
    button(app, "Add").click().run()
    assert "Type a query first" in app.warning[0].value
    app.text_area[0].input("what lifts a wing\nn2\twhat heats a body\nwhat lifts a wing\n")
    next(field for field in app.text_input if field.label == "Where they come from").input("tickets")
    button(app, "Add").click().run()
    assert not app.exception
    assert app.success[0].value == "2 queries added."
    assert "`n2` · unjudged" in text_of(app)
    row = catalog.find(workspace, "alone")
    assert catalog.versions(workspace, row.id)[0].change == "2 queries added: tickets"

    app.text_area[0].input("n2\tanother text")
    button(app, "Add").click().run()
    assert "The id 'n2' belongs to the query 'what heats a body'" in app.error[0].value
    app.text_area[0].input("what lifts a wing\nwhat bends a shell")
    button(app, "Add").click().run()
    assert app.success[0].value == "1 query added. 1 query was there already."

    app = open_page("datasets", dataset="alone", tab="judgments")
    assert "No query has a judgment yet" in app.info[0].value
    links = ["Define one", "Choose a query to judge", "Add judgments from files"]
    assert labels(app, "page_link") == ["All datasets", *links]


def test_documents_are_stored_alone(workspace: Workspace) -> None:
    id_ = upload(workspace, **{"notes.csv": NOTES})
    app = open_page("upload", upload=id_)
    assert not app.exception
    assert "No queries were found" in app.radio[0].label
    (toggle,) = app.toggle
    assert (toggle.label, toggle.value) == ("My data has queries", False)
    assert "The documents are stored alone; queries can be added later." in text_of(app)
    assert button(app, "Check").disabled
    app.radio[0].set_value(0).run()
    button(app, "Check").click().run()
    wait(workspace, id_)
    app = open_page("upload", upload=id_)
    assert "Documents alone. 1 warning" in text_of(app)
    next(field for field in app.text_input if field.label == "Name").input("mine")
    button(app, "Store dataset").click().run()
    assert not app.exception
    assert catalog.find(workspace, "mine").manifest.n_queries == 0


def test_a_person_may_still_choose_queries(workspace: Workspace) -> None:
    """The choosers of queries and judgments are there once the data has queries."""
    app = open_page("upload", upload=upload(workspace, **{"notes.csv": NOTES}))
    app.radio[0].set_value(1).run()  # something else
    app.toggle[0].set_value(True).run()
    assert not app.exception
    assert [toggle.label for toggle in app.toggle] == [
        "My data has queries", "My data has relevance judgments",
    ]  # fmt: skip
    assert button(app, "Check").disabled


def test_files_are_added_through_the_page(workspace: Workspace, alone: DatasetRow) -> None:
    app = open_page("upload", adds_to="alone")
    assert not app.exception
    assert app.title[0].value == "Add queries and judgments"
    assert "The 10 documents stay as they are" in text_of(app)
    assert labels(app, "page_link") == ["alone"]

    id_ = arrived(workspace, "golden.csv", GOLDEN)
    app = open_page("upload", upload=id_)
    assert app.title[0].value == "Add queries and judgments"
    assert "to be added to alone" in text_of(app)
    assert "The documents are those of the dataset." in text_of(app)
    assert [toggle.label for toggle in app.toggle] == ["My data has relevance judgments"]
    button(app, "Check").click().run()
    wait(workspace, id_)
    app = open_page("upload", upload=id_)
    assert "**2 queries** and **2 judgments** are new in alone." in text_of(app)
    assert "Store it" not in text_of(app)
    button(app, "Add them").click().run()
    assert not app.exception
    assert app.success[0].value == "**2 queries** and **2 judgments** added."
    assert catalog.find(workspace, "alone").manifest.n_judgments == 2


def test_an_upload_whose_dataset_is_gone_can_be_discarded(workspace: Workspace, alone: DatasetRow) -> None:
    id_ = arrived(workspace, "golden.csv", GOLDEN)
    catalog.remove(workspace, "alone")
    app = open_page("upload", upload=id_)
    assert not app.exception
    assert "to be added to a deleted dataset" in text_of(app)
    button(app, "Discard").click().run()
    assert not app.exception
    assert uploads.open_uploads(workspace, HERE) == []
    gone = open_page("upload", adds_to="alone")
    assert "no dataset is called 'alone'" in gone.error[0].value.lower()


def test_an_asked_query_is_added(workspace: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(workspace, "bm25")
    record(workspace, spec, "bm25", 0.5)
    app = open_page("query", experiment=spec.id, ask="how do wings lift")
    button(app, "Add to tiny").click().run()
    assert not app.exception
    row = catalog.find(workspace, "tiny")
    assert (row.version, catalog.load(workspace, row).queries[-1].text) == (2, "how do wings lift")
    assert "It is a query of the dataset." in text_of(app)
    assert "Judge it" in labels(app, "page_link")
    assert all(found.label != "Add to tiny" for found in app.button)


def test_an_experiment_begins_with_a_dataset_that_has_queries(
    workspace: Workspace, add_experiment: AddExperiment, tmp_path: Path
) -> None:
    add_experiment(workspace, "bm25")
    store_alone(workspace, tmp_path / "notes")  # the newest
    app = open_page("experiments", new="")
    (datasets,) = (box for box in app.selectbox if box.label == "Dataset")
    assert (datasets.value, datasets.options) == ("tiny", ["tiny", "alone"])
    datasets.set_value("alone").run()
    assert not app.exception
    assert "'alone' has no queries yet" in app.error[0].value
    assert "Add queries" in labels(app, "page_link")
    assert button(app, "Start").disabled
