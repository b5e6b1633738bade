"""The datasets page: the list, one dataset with its tabs, editing judgments, and deleting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from evaluator.errors import InvalidInputError
from evaluator.experiments import lifecycle
from evaluator.judging.judgments import edit
from evaluator.library import catalog
from evaluator.ui.datasets.judgments import changed
from evaluator.workspace.workspace import Workspace
from tests.conftest import TOPICS, WriteDataset
from tests.recorded import dataset_id
from tests.ui.conftest import AddExperiment, button, labels, open_page, record, text_of


@pytest.fixture
def tiny(workspace: Workspace, write_dataset: WriteDataset) -> Workspace:
    """A workspace with the dataset `tiny`."""
    catalog.import_folder(workspace, write_dataset())
    return workspace


def texts(app: AppTest) -> list[str]:
    """Texts that are shown as they are, without Markdown."""
    return [element.value for element in app.text]


def test_before_the_first_dataset_it_explains_what_one_is(workspace: Workspace) -> None:
    app = open_page("datasets")
    assert not app.exception
    assert "There is no dataset yet" in text_of(app)
    assert "judgments" in text_of(app)
    assert [found.label for found in app.button] == ["Upload a dataset", "Use the demo dataset"]
    button(app, "Use the demo dataset").click().run()
    assert not app.exception
    assert app.title[0].value == "python-stdlib"


def test_the_list_shows_what_each_dataset_is_and_who_uses_it(
    tiny: Workspace, add_experiment: AddExperiment, write_dataset: WriteDataset
) -> None:
    add_experiment(tiny, "bm25", name="a *look*")
    catalog.import_folder(tiny, write_dataset("half", qrels={0: {0: 1}}))
    catalog.describe(tiny, "half", "Half of it.\nMore about it.", ["aero"])
    app = open_page("datasets")
    assert not app.exception
    written = text_of(app)
    assert "10 documents · 10 queries · 1 judgment" in written
    assert r"Used by a \*look\*" in written
    assert "No experiment has used it yet" in written
    assert "Half of it." in written
    assert "More about it." not in written
    assert "1 issue" in written
    assert "no issues" in written
    assert labels(app, "page_link") == ["**half**", "**tiny**"]


def test_datasets_are_found_by_name_or_tag(tiny: Workspace, write_dataset: WriteDataset) -> None:
    for number in range(5):
        folder = write_dataset(f"other-{number}", queries=(f"query {number}",))
        catalog.import_folder(tiny, folder)
    catalog.describe(tiny, "tiny", "", ["Aero"])
    app = open_page("datasets")
    app.text_input[0].input("AERO").run()
    assert labels(app, "page_link") == ["**tiny**"]
    app.text_input[0].input("nowhere").run()
    assert "No dataset has “nowhere”" in app.info[0].value


def test_a_dataset_shows_its_sizes_fingerprints_and_relations(
    tiny: Workspace, add_experiment: AddExperiment, write_dataset: WriteDataset
) -> None:
    add_experiment(tiny, "bm25")
    catalog.import_folder(tiny, write_dataset("sibling", qrels={0: {0: 1}}))
    app = open_page("datasets", dataset="tiny")
    assert not app.exception
    written = text_of(app)
    assert "10 documents · 10 queries · 10 judgments · version 1 since" in written
    manifest = catalog.find(tiny, "tiny").manifest
    for fingerprint in (manifest.fingerprint, manifest.corpus, manifest.queries, manifest.qrels):
        assert fingerprint in written
    assert labels(app, "page_link") == ["All datasets", "look", "History", "sibling"]
    assert labels(app, "link_button") == ["Download"]


def test_a_damaged_file_is_one_sentence(tiny: Workspace) -> None:
    (name,) = tiny.store.sizes("corpora")
    (Path(tiny.store.url) / name).write_bytes(b"PAR1")
    app = open_page("datasets", dataset="tiny")
    assert not app.exception
    (said,) = (error.value for error in app.error)
    assert said.startswith("The file with the documents of a dataset is damaged: ")
    assert said.endswith("; import the dataset again")


def test_documents_are_paged_and_searched(workspace: Workspace, write_dataset: WriteDataset) -> None:
    documents = [f"{topic} number {number}" for number in range(3) for topic in TOPICS]
    catalog.import_folder(workspace, write_dataset(documents=[*documents, "long " * 100]))
    app = open_page("datasets", dataset="tiny")
    assert "1–20 of 31 documents" in text_of(app)
    assert texts(app)[0] == documents[0]
    app.pagination[0].set_value(2).run()
    assert "21–31 of 31 documents" in text_of(app)
    assert [found.label for found in app.expander] == ["All 500 characters"]
    app.text_input[0].input("FLUTTER at").run()
    assert texts(app) == [documents[3], documents[13], documents[23]]
    app.text_input[0].input("nowhere").run()
    assert "No document has “nowhere” in it." in app.info[0].value
    assert not app.exception


def test_queries_lead_to_their_judgments(tiny: Workspace) -> None:
    edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d0"): 0, ("q0", "d1"): -1, ("q1", "d1"): None})
    app = open_page("datasets", dataset="tiny", tab="queries")
    assert not app.exception
    written = text_of(app)
    assert "`q0` · 2 judged, :orange[none relevant]" in written
    assert "`q1` · unjudged" in written
    assert "`q2` · 1 judged, 1 relevant" in written
    assert labels(app, "page_link").count("Judgments") == 10


def test_judgments_are_listed(tiny: Workspace) -> None:
    app = open_page("datasets", dataset="tiny", tab="judgments")
    assert not app.exception
    table = app.dataframe[0].value
    assert list(table.columns) == ["Query", "Document", "Grade"]
    assert len(table) == 10


def as_if_edited(monkeypatch: pytest.MonkeyPatch, rows: Sequence[tuple[str, str, int]]) -> None:
    """AppTest cannot type into a table: from now on it holds these rows. The browser test really types."""

    def edited(table: pd.DataFrame, **_options: object) -> pd.DataFrame:
        return pd.DataFrame(rows, columns=table.columns)

    monkeypatch.setattr("evaluator.ui.datasets.judgments.st.data_editor", edited)


def test_editing_judgments_makes_a_version_and_rescores(
    tiny: Workspace, add_experiment: AddExperiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = add_experiment(tiny, "bm25")
    record(tiny, spec, "bm25", 0.4)
    app = open_page("datasets", dataset="tiny", tab="judgments", query="q0")
    assert not app.exception
    assert app.data_editor[0].value.values.tolist() == [["d0", "", 1]]
    assert button(app, "Save as version 2").disabled
    as_if_edited(monkeypatch, [("d0", "", 2)])
    app.run()
    app.text_input[0].input("it answers fully").run()
    button(app, "Save as version 2").click().run()
    assert not app.exception
    assert "This is version 2 of tiny now. Rescored: 1 experiment." in app.success[0].value
    row = catalog.find(tiny, "tiny")
    assert catalog.load(tiny, row).qrels["q0"] == {"d0": 2}
    assert (
        catalog.versions(tiny, dataset_id(tiny, "tiny"))[0].change == "1 judgment changed: it answers fully"
    )
    assert len(lifecycle.all_experiments(tiny)) == 2


def test_an_unknown_document_is_refused_with_its_id(tiny: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    as_if_edited(monkeypatch, [("d0", "", 1), ("d99", "", 1)])
    app = open_page("datasets", dataset="tiny", tab="judgments", query="q0")
    button(app, "Save as version 2").click().run()
    assert "There is no document with the id 'd99'" in app.error[0].value
    assert catalog.find(tiny, "tiny").version == 1


def test_what_an_edited_table_changes() -> None:
    table = pd.DataFrame(
        [(" d1 ", 2), ("d2", 1), ("d4", 1), (None, 1), ("d5", None)], columns=["doc_id", "grade"]
    ).astype({"doc_id": "string", "grade": "Int64"})
    changes = changed("q", {"d1": 1, "d2": 1, "d3": 1}, table)
    assert changes == {("q", "d1"): 2, ("q", "d3"): None, ("q", "d4"): 1}
    twice = pd.DataFrame([("d1", 2), ("d1", 1)], columns=["doc_id", "grade"])
    with pytest.raises(InvalidInputError, match="'d1' is listed twice"):
        changed("q", {}, twice)


def test_the_health_report(tiny: Workspace) -> None:
    app = open_page("datasets", dataset="tiny", tab="health")
    assert not app.exception
    assert "Ready to use" in text_of(app)


def test_each_dataset_has_its_own_health_report(tiny: Workspace, write_dataset: WriteDataset) -> None:
    """The same session opens one after the other."""
    catalog.import_folder(tiny, write_dataset("half", TOPICS[:5], queries=("one query",), qrels={0: {0: 1}}))
    app = open_page("datasets", dataset="tiny", tab="health")
    for name, documents in (("tiny", "10"), ("half", "5"), ("tiny", "10")):
        app.query_params["dataset"] = name
        app.run()
        assert {metric.label: metric.value for metric in app.metric}["Documents"] == documents


def test_versions_say_what_changed(tiny: Workspace) -> None:
    edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d1"): 1}, "second opinion")
    app = open_page("datasets", dataset="tiny", tab="versions")
    written = text_of(app)
    assert "**Version 2** · 1 judgment added: second opinion" in written
    assert "**Version 1** · imported" in written


def test_the_files_of_a_dataset_are_shown_with_their_hashes(tiny: Workspace) -> None:
    edit(tiny, dataset_id(tiny, "tiny"), {("q0", "d1"): 1}, "second opinion")
    app = open_page("datasets", dataset="tiny", tab="versions")
    assert "Where it comes from" in [heading.value for heading in app.subheader]
    written = text_of(app)
    assert "Version 1 was imported on " in written  # the edit of judgments came from no file
    (files,) = [table.value for table in app.dataframe]
    assert list(files["file"]) == ["corpus.jsonl", "qrels/test.tsv", "queries.jsonl"]
    assert all(len(digest) == 64 for digest in files["SHA-256"])


def test_a_dataset_of_an_earlier_version_says_that_its_files_are_unknown(tiny: Workspace) -> None:
    with tiny.database.transaction() as cursor:
        cursor.execute("DELETE FROM provenance")
    app = open_page("datasets", dataset="tiny", tab="versions")
    assert "Its files are not recorded: an earlier version of this software imported it." in text_of(app)


def test_a_dataset_is_renamed_and_described(tiny: Workspace, add_experiment: AddExperiment) -> None:
    spec = add_experiment(tiny, "bm25")
    app = open_page("datasets", dataset="tiny", tab="settings")
    app.text_input[0].input("aero")
    app.text_area[0].input("Ten topics.")
    button(app, "Save").click().run()
    assert not app.exception
    assert app.title[0].value == "aero"
    assert catalog.find(tiny, "aero").description == "Ten topics."
    assert lifecycle.find(tiny, spec.id).dataset == "aero"


def test_a_name_that_no_new_dataset_could_have_is_refused(tiny: Workspace) -> None:
    app = open_page("datasets", dataset="tiny", tab="settings")
    app.text_input[0].input("..")
    button(app, "Save").click().run()
    assert not app.exception
    assert "stands for a folder in addresses" in app.error[0].value
    assert [row.name for row in catalog.all_datasets(tiny)] == ["tiny"]


def test_a_dataset_in_use_cannot_be_deleted_and_says_by_whom(
    tiny: Workspace, add_experiment: AddExperiment
) -> None:
    add_experiment(tiny, "bm25", name="first look")
    app = open_page("datasets", dataset="tiny", tab="settings")
    assert "It cannot be deleted while 1 experiment uses it. Delete them first:" in text_of(app)
    assert [label for label in labels(app, "page_link") if label.startswith("first look · ")]
    assert "Delete the dataset" not in [found.label for found in app.button]


def test_deleting_a_dataset_leads_back_to_the_list(tiny: Workspace) -> None:
    app = open_page("datasets", dataset="tiny", tab="settings")
    button(app, "Delete the dataset").click().run()
    assert not app.exception
    assert catalog.all_datasets(tiny) == []
    assert "There is no dataset yet" in text_of(app)


def test_an_unknown_dataset_is_an_error_and_not_an_empty_page(tiny: Workspace) -> None:
    app = open_page("datasets", dataset="gone")
    assert not app.exception
    assert app.error[0].value == "No dataset is called 'gone'; there are: tiny"
    assert "All datasets" in text_of(app)
