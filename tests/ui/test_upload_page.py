"""The upload page: how it begins, what was recognised and corrected, the report, and storing."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from evaluator.datasets.findings import Finding
from evaluator.datasets.health.report import HealthReport, Histogram, Truncation
from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, RunPart, Table
from evaluator.datasets.recognition.recognise import Recognised, TableInfo
from evaluator.library import catalog
from evaluator.ui.datasets.health import binned, numbers, remarks, verdict
from evaluator.ui.shell.identity import keyed
from evaluator.ui.upload.choosers import NO_COLUMN, meanings, suggested
from evaluator.ui.upload.form import progress_text
from evaluator.ui.upload.reading import assemble
from evaluator.ui.upload.report import suggested_name
from evaluator.uploads import uploads
from evaluator.uploads.folder import Progress
from evaluator.uploads.persons import HERE
from evaluator.uploads.state import UploadedFile, UploadState
from evaluator.workspace.workspace import Workspace
from tests.ui.conftest import button, labels, open_page, text_of

DEADLINE = 60.0
"""Seconds for a process to start and to examine a few rows."""

CORPUS = "".join(
    json.dumps({"_id": f"d{n}", "title": f"Bread {n}", "text": f"How bread {n} is baked"}) + "\n"
    for n in range(3)
)
QUERIES = "".join(json.dumps({"_id": id_, "text": "How is it baked?"}) + "\n" for id_ in ("q0", "d1"))
QRELS = "query-id\tcorpus-id\tscore\nq0\td0\t2\nd1\td2\t1\n"
BEIR = {"corpus.jsonl": CORPUS, "queries.jsonl": QUERIES, "qrels/test.tsv": QRELS}


def upload(workspace: Workspace, **files: str) -> str:
    """An upload of these texts, recognised."""

    async def chunks(content: str) -> AsyncIterator[bytes]:
        yield content.encode()

    id_ = uploads.create(workspace)
    for name, content in files.items():
        asyncio.run(uploads.receive(workspace, id_, name, chunks(content)))
    uploads.recognise(workspace, id_)
    wait(workspace, id_)
    return id_


def wait(workspace: Workspace, id_: str) -> UploadState:
    """Wait until nothing is being done with an upload."""
    deadline = time.monotonic() + DEADLINE
    while (state := uploads.state(workspace, id_)).status in ("recognising", "checking"):
        assert time.monotonic() < deadline, "the examination does not end"
        time.sleep(0.05)
    return state


def chosen(app: AppTest, label: str) -> list[Any]:
    """What the choosers of that label show."""
    return [box.value for box in app.selectbox if box.label == label]


def select(app: AppTest, label: str, value: object, of: int = 0) -> None:
    """Choose in the first chooser of that label, or in a later one."""
    [box for box in app.selectbox if box.label == label][of].set_value(value).run()


def test_it_begins_with_what_can_be_read(workspace: Workspace) -> None:
    app = open_page("upload")
    assert not app.exception
    written = text_of(app)
    assert "nothing is stored until you say so" in written
    assert "`corpus.jsonl`, `queries.jsonl`, `qrels/test.tsv`" in written
    assert "needs access to the network" in written


def test_what_was_begun_can_be_gone_on_with_or_discarded(workspace: Workspace) -> None:
    async def chunk() -> AsyncIterator[bytes]:
        yield QRELS.encode()

    first, second = uploads.create(workspace), uploads.create(workspace)
    uploads.create(workspace, "192.0.2.7")  # of somebody else
    asyncio.run(uploads.receive(workspace, first, "qrels.tsv", chunk()))
    app = open_page("upload")
    assert "Unfinished uploads" in text_of(app)
    assert f"qrels.tsv · {len(QRELS)} bytes" in text_of(app)
    assert "Files are missing, or not looked at yet · just now" in text_of(app)
    app.button(key=keyed("discard", second)).click().run()
    assert not app.exception
    assert [state.id for state in uploads.open_uploads(workspace, HERE)] == [first]
    app.button(key=keyed("continue", first)).click().run()
    assert "1 file arrived so far" in app.info[0].value


def test_many_unfinished_uploads_are_folded(workspace: Workspace) -> None:
    for _ in range(5):
        uploads.create(workspace)
    app = open_page("upload")
    assert next(found.label for found in app.expander) == "2 more"
    assert sum(found.label == "Continue" for found in app.button) == 5


def test_an_upload_that_is_gone_is_explained(workspace: Workspace) -> None:
    app = open_page("upload", upload="0" * 32)
    assert not app.exception
    assert "There is no upload" in app.error[0].value


def test_from_files_to_a_dataset(workspace: Workspace) -> None:
    id_ = upload(workspace, **BEIR)
    app = open_page("upload", upload=id_)
    assert not app.exception
    assert "Recognised: **BEIR**" in text_of(app)
    assert [str(table) for table in chosen(app, "Read from")] == [
        "corpus.jsonl",
        "queries.jsonl",
        "qrels/test.tsv",
    ]
    assert chosen(app, "Title") == ["title"]
    assert list(app.dataframe[0].value["title"]) == ["Bread 0", "Bread 1", "Bread 2"]

    next(box for box in app.selectbox if box.label == "Title").set_value(NO_COLUMN).run()
    button(app, "Check").click().run()
    state = wait(workspace, id_)
    assert state.reading is not None
    assert state.reading.corpus.title is None
    assert catalog.all_datasets(workspace) == []

    app = open_page("upload", upload=id_)
    assert not app.exception
    assert app.subheader[0].value.startswith("Ready to use. ")
    assert {metric.label: metric.value for metric in app.metric}["Documents"] == "3"
    ask = app.radio(key=keyed("exclude-self", id_))
    ask.set_value(True).run()
    assert wait(workspace, id_).exclude_self

    app = open_page("upload", upload=id_)
    assert app.radio(key=keyed("exclude-self", id_)).value is True
    next(field for field in app.text_input if field.label == "Name").set_value("bakery")
    button(app, "Store dataset").click().run()
    assert not app.exception
    row = catalog.find(workspace, "bakery")
    assert row.manifest.exclude_self
    assert row.manifest.n_documents == 3


def test_what_blocks_is_shown_with_file_line_and_reason_and_cannot_be_stored(workspace: Workspace) -> None:
    id_ = upload(workspace, **{**BEIR, "corpus.jsonl": CORPUS + "{}\n"})
    recognised = uploads.state(workspace, id_).recognised
    assert recognised is not None
    assert recognised.reading is not None
    uploads.check(workspace, id_, recognised.reading, exclude_self=False)
    wait(workspace, id_)
    app = open_page("upload", upload=id_)
    assert not app.exception
    assert app.subheader[0].value.startswith("1 problem to fix")
    assert "corpus.jsonl:4: " in app.code[0].value
    assert "It cannot be stored like this" in text_of(app)
    assert "Store dataset" not in [found.label for found in app.button]
    assert "Upload other files" in labels(app, "page_link")


def test_tables_that_are_not_recognised_can_be_chosen(workspace: Workspace) -> None:
    id_ = upload(workspace, **{"odd.csv": "a,b\n1,2\n3,4\n"})
    app = open_page("upload", upload=id_)
    assert not app.exception
    assert "No table of documents was found" in text_of(app)
    assert button(app, "Check").disabled

    table = Table("odd.csv", "csv")
    select(app, "Read from", table)
    next(box for box in app.multiselect if box.label == "Text").set_value(["b"]).run()
    select(app, "Read from", table, of=1)
    select(app, "Query text", "a")
    assert not app.exception
    assert not button(app, "Check").disabled
    judged = next(toggle for toggle in app.toggle if toggle.label == "My data has relevance judgments")
    judged.set_value(True).run()
    assert button(app, "Check").disabled


def test_what_is_corrected_for_one_upload_is_not_for_the_next(workspace: Workspace) -> None:
    """Their files have the same names, and the same session sees one after the other."""
    one, other = (upload(workspace, **{"odd.csv": "a,b\n1,2\n3,4\n"}) for _ in range(2))
    app = open_page("upload", upload=one)
    select(app, "Read from", Table("odd.csv", "csv"))
    assert [box.value for box in app.selectbox if box.label == "Read from"] != [None, None]
    app.query_params["upload"] = other
    app.run()
    assert [box.value for box in app.selectbox if box.label == "Read from"] == [None, None]


def test_files_that_cannot_be_opened_are_explained_and_can_be_discarded(workspace: Workspace) -> None:
    id_ = upload(workspace, **{"broken.zip": "PK\x03\x04 and no more"})
    app = open_page("upload", upload=id_)
    assert not app.exception
    assert "broken.zip" in app.error[0].value
    assert "Upload other files" in labels(app, "page_link")
    button(app, "Discard").click().run()
    assert not app.exception
    assert "nothing is stored until you say so" in text_of(app)


TABLE, OTHER = Table("faq.csv", "csv"), Table("more.csv", "csv")
CORPUS_PART = CorpusPart(TABLE, ("answer",))
QUERIES_PART = QueriesPart(TABLE, "question")
QRELS_PART = QrelsPart(TABLE, "question", ("answer",), query_by="text", document_by="text")
RUN = Table("bm25.run", "run")
GUESS = Reading(CORPUS_PART, QUERIES_PART, QRELS_PART, "tables", runs=(RunPart(RUN),), ignored=("notes.pdf",))
INFO = TableInfo(TABLE, ("question", "answer"), ({"question": "Why?", "answer": "So."},), 40)
RECOGNISED = Recognised((INFO, TableInfo(OTHER, ("id", "answer"), (), 9)), GUESS, ())


def test_an_unchanged_guess_stays_itself() -> None:
    assert assemble(RECOGNISED, GUESS, CORPUS_PART, QUERIES_PART, QRELS_PART) is GUESS


def test_what_no_chooser_shows_stays_as_it_was() -> None:
    start = replace(GUESS, format="BEIR", repairs=("leave-out-rows",))
    changed = assemble(RECOGNISED, start, CORPUS_PART, replace(QUERIES_PART, tags="tags"), QRELS_PART)
    assert (changed.format, changed.repairs) == ("BEIR", ("leave-out-rows",))


def test_files_that_no_part_needs_are_ignored() -> None:
    reading = assemble(RECOGNISED, GUESS, CorpusPart(OTHER, ("answer",), "id"), QUERIES_PART, None)
    assert reading.runs == (RunPart(RUN),)
    assert reading.ignored == ("notes.pdf",)
    reading = assemble(RECOGNISED, GUESS, CORPUS_PART, QUERIES_PART, None)
    assert reading.ignored == ("notes.pdf", "more.csv")
    assert Reading.from_json(reading.to_json()) == reading


def test_columns_are_named_by_what_they_mean() -> None:
    assert meanings(QRELS_PART) == {"question": "Query", "answer": "Document"}
    assert meanings(CorpusPart(TABLE, ("a", "b"), "a")) == {"a": "Document id, Text", "b": "Text"}


def test_a_column_beyond_the_first_rows_is_still_suggested() -> None:
    tagged = replace(QUERIES_PART, tags="tags")
    assert suggested(INFO, tagged, "tags") == ("tags",)
    assert suggested(INFO, None, "tags") == ()
    other = RECOGNISED.tables[1]
    assert suggested(other, CORPUS_PART, "text") == ("answer",)
    assert suggested(other, tagged, "tags") == ()


@pytest.mark.parametrize(
    ("progress", "words"),
    [
        (Progress("waiting", 0, None, 100.0), "Waiting · 20 s"),
        (Progress("unpacking", 0, None, 119.0), "Opening archives"),
        (Progress("reading", 5000, None, 100.0), "Reading documents · 5,000 · 20 s"),
        # 250 a second, 15,000 to go: a minute
        (
            Progress("reading", 5000, 20_000, 100.0),
            "Reading documents · 25 % · 5,000 of 20,000 · about 1 min left",
        ),
    ],
)
def test_progress_in_words(progress: Progress, words: str) -> None:
    assert progress_text(progress, now=120.0) == words


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (["baking.zip"], "baking"),
        (["bread/scifact.tar.gz"], "scifact"),
        (["bread/corpus.jsonl", "bread/qrels/test.tsv"], "bread"),
        (["corpus.jsonl", "queries.jsonl"], ""),
    ],
)
def test_a_name_is_suggested_by_the_files(names: list[str], name: str) -> None:
    files = tuple(UploadedFile(file, 1) for file in names)
    state = UploadState("0" * 32, "checked", files, None, None, False, None, None, None)
    assert suggested_name(state) == name


REPORT = HealthReport(
    n_documents=60,
    n_queries=2,
    n_judgments=3,
    findings=(
        Finding("empty-documents", "warning", 4, "4 documents without any text", "no words find them"),
    ),
    grades={0: 1, 2: 2},
    judged_per_query=Histogram((0, 1, 2, 3), (0, 1, 1)),
    document_words=Histogram((0, 10, 20, 57), (0, 58, 2)),
    query_words=Histogram(),
    truncation=(Truncation("all-MiniLM-L6-v2", 256, 0.125, 60),),
    languages={"en": 1.0},
    detectable=0.495,
)


def test_the_verdict_counts_what_was_found() -> None:
    assert verdict(REPORT) == "Ready to use. 1 warning"
    assert verdict(replace(REPORT, findings=())) == "Ready to use"
    blocking = Finding("unreadable", "blocking", 7, "7 rows cannot be read", "fix them")
    assert verdict(replace(REPORT, findings=(blocking, *REPORT.findings))) == "1 problem to fix, 1 warning"


def test_numbers_come_with_what_they_mean() -> None:
    cut, detectable = remarks(REPORT)
    assert cut.endswith("it would cut off 12 % of the 60 documents that were looked at.")
    assert detectable.startswith("A difference of **0.495** or more")
    assert "standard deviation of 0.25" in detectable


def test_bins_are_named_from_the_first_value_to_the_long_tail() -> None:
    assert list(binned(REPORT.document_words, "words", "documents")["words"]) == ["10–19", "20 and more"]
    assert list(binned(REPORT.judged_per_query, "judged", "queries")["judged"]) == ["1", "2"]
    assert binned(Histogram(), "words", "queries").empty


def test_all_numbers_can_be_taken_along() -> None:
    rows = set(numbers(REPORT).itertuples(index=False, name=None))
    assert ("size", "documents", 60) in rows
    assert ("warning", "empty-documents", 4) in rows
    assert ("Grades of the judgments", "2", 2) in rows
    assert ("Length of the documents", "20 and more", 2) in rows
    assert ("share of 60 truncated", "all-MiniLM-L6-v2", 0.125) in rows
    assert ("power", "detectable difference", 0.495) in rows
