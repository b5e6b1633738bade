"""The upload page's second step: questions, choosers, what is found, and what takes no part."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from streamlit.testing.v1 import AppTest

from evaluator.datasets.reading import QrelsPart, Table
from evaluator.uploads import uploads
from evaluator.uploads.state import UploadState
from evaluator.workspace.workspace import Workspace
from tests.ui.conftest import button, open_page, text_of
from tests.ui.test_upload_page import BEIR, chosen, select, upload, wait

N = 6


def table(columns: str, rows: Sequence[str]) -> str:
    return "\n".join([columns, *rows]) + "\n"


DOCUMENTS = table("id,text", [f"p{n},A lamp with {n} bulbs made of brass" for n in range(N)])
QUERIES = table("query_id,query", [f"q{n},lamp with {n} bulbs" for n in range(N)])
LAMPS = {"documents.csv": DOCUMENTS, "queries.csv": QUERIES}
FAQ = table("question,found in,answer", [f"Which has {n} bulbs?,p{n},It is number {n}" for n in range(N)])


def radio(app: AppTest, label: str) -> int:
    """The number of the radio buttons with such a label."""
    return next(number for number, found in enumerate(app.radio) if label in found.label)


def checked(workspace: Workspace, app: AppTest, upload_id: str) -> UploadState:
    """The state after a click on *Check*."""
    assert not button(app, "Check").disabled
    button(app, "Check").click().run()
    assert not app.exception
    return wait(workspace, upload_id)


def part(state: UploadState) -> QrelsPart:
    assert state.reading is not None
    assert state.reading.qrels is not None
    return state.reading.qrels


def test_words_become_grades_once_a_person_confirms_them(workspace: Workspace) -> None:
    rows = [f"q{n},p{n},{'Exact' if n % 2 else 'Irrelevant'}" for n in range(N)]
    id_ = upload(workspace, **LAMPS, **{"labels.csv": table("query_id,doc_id,label", rows)})
    app = open_page("upload", upload=id_)
    assert not app.exception
    assert "label holds words; which grades do they stand for?" in text_of(app)
    assert "1 question above to answer first" in text_of(app)
    assert button(app, "Check").disabled
    button(app, "Use these grades").click().run()
    assert "Used: Exact 1, Irrelevant 0." in text_of(app)
    assert "question above" not in text_of(app)
    assert part(checked(workspace, app, id_)).grades == {"Exact": 1, "Irrelevant": 0}


def test_an_answer_changes_the_choosers_below(workspace: Workspace) -> None:
    rows = [f"q{n},p{n},{n % 3},{n}" for n in range(N)]
    id_ = upload(workspace, **LAMPS, **{"judgments.csv": table("query_id,doc_id,stufe,zeile", rows)})
    app = open_page("upload", upload=id_)
    assert chosen(app, "Grade") == [""]
    question = app.radio[0]
    assert "the grade of the judgments?" in question.label
    assert question.value is None
    question.set_value(0).run()
    assert chosen(app, "Grade") == ["stufe"]
    assert not button(app, "Check").disabled
    app.radio[0].set_value(len(app.radio[0].options) - 1).run()  # none of these
    assert chosen(app, "Grade") == [""]
    assert not button(app, "Check").disabled


def test_several_raters_grades_become_one(workspace: Workspace) -> None:
    rows = [f"q{n},p{n},2,{n % 3},2" for n in range(N)]
    id_ = upload(
        workspace, **LAMPS, **{"judgments.csv": table("query_id,doc_id,rater_1,rater_2,rater_3", rows)}
    )
    app = open_page("upload", upload=id_)
    app.radio[0].set_value(1).run()  # the median
    state = checked(workspace, app, id_)
    assert part(state).grade == ("rater_1", "rater_2", "rater_3")
    assert part(state).combine == "median"
    assert state.report is not None
    assert state.report.grades == {2: N}  # 2, x, 2


def test_several_raters_need_a_rule(workspace: Workspace) -> None:
    rows = [f"q{n},p{n},2,{n % 3}" for n in range(N)]
    id_ = upload(workspace, **LAMPS, **{"judgments.csv": table("query_id,doc_id,grade,anna", rows)})
    app = open_page("upload", upload=id_)
    assert chosen(app, "Grade") == ["grade"]
    next(box for box in app.multiselect if box.label == "More raters' grades").set_value(["anna"]).run()
    assert "choose how their grades become one" in text_of(app)
    assert button(app, "Check").disabled
    select(app, "Several grades of one document count as", "mean")
    assert part(checked(workspace, app, id_)).grade == ("grade", "anna")


def test_which_of_several_datasets(workspace: Workspace) -> None:
    both = {f"{name}/{file}": text for name in ("bikes", "cars") for file, text in BEIR.items()}
    id_ = upload(workspace, **both)
    app = open_page("upload", upload=id_)
    assert "several datasets" in app.radio[0].label
    app.radio[0].set_value(1).run()
    assert [str(table) for table in chosen(app, "Read from")] == [
        "cars/corpus.jsonl", "cars/queries.jsonl", "cars/qrels/test.tsv",
    ]  # fmt: skip
    assert "**bikes/corpus.jsonl**: no part of the dataset is read from it" in text_of(app)
    assert "**cars/corpus.jsonl**:" not in text_of(app)
    state = checked(workspace, app, id_)
    assert state.reading is not None
    assert state.reading.format == "BEIR"
    assert set(state.reading.ignored) == {f"bikes/{file}" for file in BEIR}


@pytest.fixture
def faq(workspace: Workspace) -> str:
    """An upload whose judgments name a document's id beside each question, which has no id."""
    return upload(workspace, **{"documents.csv": DOCUMENTS, "faq.csv": FAQ})


def test_no_default_loses_the_judgments(workspace: Workspace, faq: str) -> None:
    """Ids of queries are made from their texts: referring to them by id would find none of them."""
    app = open_page("upload", upload=faq)
    assert "Which has" not in text_of(app)
    by_query, by_document = app.radio[radio(app, "query by")], app.radio[radio(app, "document by")]
    assert (by_query.value, by_document.value) == ("text", "id")
    assert f"The {N} queries and {N} documents named in the first rows of the judgments are found" in text_of(
        app
    )
    by_query.set_value("id").run()
    assert (
        f"0 of {N} queries named in judgments are found. All judgments would be lost." in app.error[0].value
    )
    select(app, "Document", "answer")
    assert f"0 of {N} documents named in judgments are found." in app.error[0].value


def test_what_takes_no_part_is_listed_with_the_reason(workspace: Workspace, faq: str) -> None:
    app = open_page("upload", upload=faq)
    assert app.expander[-1].label == "Not used (1)"
    assert "**faq.csv: answer**: no role for it was found" in text_of(app)
    checked(workspace, app, faq)
    app = open_page("upload", upload=faq)
    assert "**faq.csv: answer**: no role for it was found" in text_of(app)


def test_judgments_that_are_not_used_are_offered(workspace: Workspace) -> None:
    more = table("Frage,Dokument,Stufe", [f"q{n},p{(n + 1) % N},1" for n in range(N)])
    first = table("query_id,doc_id,grade", [f"q{n},p{n},1" for n in range(N)])
    id_ = upload(workspace, **LAMPS, **{"judgments.csv": first, "mehr.csv": more})
    app = open_page("upload", upload=id_)
    for question in range(len(app.radio)):
        if app.radio[question].value is None:
            app.radio[question].set_value(0).run()
    tables = chosen(app, "Read from")
    assert tables[2] == Table("judgments.csv", "csv")
    assert "mehr.csv refers to documents: use it as judgments?" in text_of(app)
    button(app, "Use as judgments").click().run()
    assert not app.exception
    assert chosen(app, "Read from")[2] == Table("mehr.csv", "csv")
    assert (chosen(app, "Query"), chosen(app, "Document")) == (["Frage"], ["Dokument"])
    assert "Every document named counts as relevant. Grades may be in *Stufe*." in text_of(app)
    select(app, "Grade", "Stufe")
    assert "Grades may be in" not in text_of(app)


def test_the_next_upload_with_the_same_columns_is_read_as_the_last_one(
    workspace: Workspace, faq: str
) -> None:
    app = open_page("upload", upload=faq)
    select(app, "Tags", "answer")
    state = checked(workspace, app, faq)
    uploads.store(workspace, faq, "bulbs")
    again = upload(workspace, **{"documents.csv": DOCUMENTS, "faq.csv": FAQ})
    app = open_page("upload", upload=again)
    assert not app.exception
    choice = app.radio[radio(app, "Read these files")]
    assert choice.options == ["As last time (bulbs, just now)", "As recognised"]
    assert chosen(app, "Tags") == ["answer"]
    choice.set_value(False).run()
    assert chosen(app, "Tags") == [""]
    app.radio[radio(app, "Read these files")].set_value(True).run()
    assert checked(workspace, app, again).reading == state.reading


def test_the_header_row_and_the_encoding_are_chosen(workspace: Workspace, faq: str) -> None:
    app = open_page("upload", upload=faq)
    assert button(app, "Read again").disabled
    rows = next(number for number, field in enumerate(app.number_input) if field.label == "Header row")
    app.number_input[rows].set_value(1).run()
    select(app, "Encoding", "windows-1252", of=1)
    button(app, "Read again").click().run()
    assert not app.exception
    state = wait(workspace, faq)
    assert state.recognised is not None
    assert [(info.table.header, info.table.encoding) for info in state.recognised.tables] == [
        (1, None), (None, "windows-1252"),
    ]  # fmt: skip


def test_where_nothing_is_recognised_the_first_rows_and_how_they_are_written_come_first(
    workspace: Workspace,
) -> None:
    app = open_page("upload", upload=upload(workspace, **{"odd.csv": "a,b\n1,2\n"}))
    assert app.expander[0].label == "How the files are written"
    assert list(app.dataframe[0].value["b"]) == ["2"]


def test_rows_that_cannot_be_read_are_shown_in_the_preview(workspace: Workspace) -> None:
    id_ = upload(workspace, **{**BEIR, "corpus.jsonl": BEIR["corpus.jsonl"] + "no JSON\n"})
    app = open_page("upload", upload=id_)
    assert "Some of the first rows cannot be read" in text_of(app)
    assert "corpus.jsonl:4: not valid JSON" in app.code[0].value


def test_an_empty_file_is_called_empty(workspace: Workspace) -> None:
    app = open_page("upload", upload=upload(workspace, **{"empty.csv": ""}))
    assert not app.exception
    assert "empty.csv is empty" in text_of(app)
