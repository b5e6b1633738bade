"""The upload page's third step: what the report offers to do about rows and ids."""

from __future__ import annotations

from dataclasses import replace

from evaluator.datasets.findings import Finding
from evaluator.datasets.reading import Reading
from evaluator.uploads import uploads
from evaluator.uploads.folder import REPORT, UploadFolder, uploads_folder
from evaluator.workspace.workspace import Workspace
from tests.ui.conftest import button, open_page, text_of
from tests.ui.test_upload_page import BEIR, CORPUS, upload, wait

UNREADABLE = Finding(
    "unreadable-rows",
    "blocking",
    2,
    "2 rows cannot be read",
    "fix them",
    ("corpus.jsonl:4: no id",),
    "leave-out-rows",
)
NO_QUERIES = Finding("no-queries", "blocking", 1, "there are no queries", "add some")
PADDED = Finding(
    "unmatched-ids", "warning", 3, "3 ids differ only by leading zeros", "match them", (), "match-padded-ids"
)


def with_findings(workspace: Workspace, id_: str, *findings: Finding) -> Reading:
    """Check an upload, and put findings into its report; the reading that was checked."""
    recognised = uploads.state(workspace, id_).recognised
    assert recognised is not None
    assert recognised.reading is not None
    uploads.check(workspace, id_, recognised.reading, exclude_self=False)
    report = wait(workspace, id_).report
    assert report is not None
    folder = UploadFolder(uploads_folder(workspace.settings.home_path) / id_)
    folder.write(REPORT, replace(report, findings=findings).to_json())
    return recognised.reading


def test_wrong_rows_can_be_left_out_and_taken_back(workspace: Workspace) -> None:
    id_ = upload(workspace, **{**BEIR, "corpus.jsonl": CORPUS + "{}\n"})
    reading = with_findings(workspace, id_, UNREADABLE)
    app = open_page("upload", upload=id_)
    assert not app.exception
    assert "or leave these rows out" in text_of(app)
    button(app, "Leave out these 2 rows and go on").click().run()
    assert not app.exception
    assert wait(workspace, id_).reading == replace(reading, repairs=("leave-out-rows",))

    app = open_page("upload", upload=id_)
    assert "Rows that are wrong are left out." in text_of(app)
    button(app, "Undo").click().run()
    assert wait(workspace, id_).reading == reading


def test_leaving_rows_out_is_offered_only_where_that_is_enough(workspace: Workspace) -> None:
    id_ = upload(workspace, **BEIR)
    with_findings(workspace, id_, UNREADABLE, NO_QUERIES)
    app = open_page("upload", upload=id_)
    assert "It cannot be stored like this" in text_of(app)
    assert not [found.label for found in app.button if found.label.startswith("Leave out")]


def test_ids_that_differ_by_leading_zeros_can_be_matched(workspace: Workspace) -> None:
    id_ = upload(workspace, **BEIR)
    reading = with_findings(workspace, id_, PADDED)
    app = open_page("upload", upload=id_)
    assert "3 ids differ only by leading zeros. Are they the same?" in text_of(app)
    button(app, "Match these ids").click().run()
    assert not app.exception
    assert wait(workspace, id_).reading == replace(reading, repairs=("match-padded-ids",))
