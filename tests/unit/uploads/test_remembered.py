"""How files with the same columns were read before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, Table
from evaluator.datasets.recognition.doubts import Doubt
from evaluator.datasets.recognition.recognise import Recognised, TableInfo
from evaluator.domain.access import MAIN
from evaluator.store.datasets import READINGS, save_reading, stored_readings
from evaluator.uploads.remembered import remember, remembered
from evaluator.workspace.workspace import Workspace


def info(file: str, *columns: str, member: str = "") -> TableInfo:
    return TableInfo(Table(file, "csv", member), columns, (), 9)


ARTICLES, FAQ, NOTES = (
    info("articles.csv", "nr", "text"),
    info("faq.csv", "frage", "ref"),
    info("notes.csv", "a"),
)
GUESS = Reading(
    CorpusPart(ARTICLES.table, ("text",), "nr"), QueriesPart(FAQ.table, "frage"), ignored=("notes.csv",)
)
RECOGNISED = Recognised((ARTICLES, FAQ, NOTES), GUESS)
CORRECTED = replace(GUESS, qrels=QrelsPart(FAQ.table, "frage", ("ref",), query_by="text"))


def test_the_same_columns_are_read_as_before(workspace: Workspace) -> None:
    assert remembered(workspace, RECOGNISED) is None
    remember(workspace, RECOGNISED, replace(CORRECTED, repairs=("leave-out-rows",)), "bikes")
    found = remembered(workspace, RECOGNISED)
    assert found is not None
    assert (found.reading, found.dataset) == (CORRECTED, "bikes")


def test_files_may_have_other_names_and_columns_another_order(workspace: Workspace) -> None:
    remember(workspace, RECOGNISED, CORRECTED, "bikes")
    renamed = Recognised((info("v2/articles-2.csv", "text", "nr"), info("v2/faq.csv", "frage", "ref")), None)
    found = remembered(workspace, renamed)
    assert found is not None
    assert [part.table.file for part in found.reading.parts] == [
        "v2/articles-2.csv",
        "v2/faq.csv",
        "v2/faq.csv",
    ]
    assert found.reading.ignored == ()


def test_documents_alone_are_not_remembered(workspace: Workspace) -> None:
    """The same columns may come beside queries, which would then be left out."""
    remember(workspace, RECOGNISED, replace(GUESS, queries=None, qrels=None), "articles")
    assert remembered(workspace, RECOGNISED) is None


@pytest.mark.parametrize(
    "tables",
    [
        (ARTICLES,),
        (ARTICLES, info("faq.csv", "frage", "ref", "new")),
        (ARTICLES, info("faq.csv", "frage", "ref", member="sheet")),
        (ARTICLES, info("one.csv", "frage", "ref"), info("two.csv", "frage", "ref")),  # which one?
    ],
)
def test_other_tables_are_not(workspace: Workspace, tables: tuple[TableInfo, ...]) -> None:
    remember(workspace, RECOGNISED, CORRECTED, "bikes")
    assert remembered(workspace, Recognised(tables, None)) is None


def test_what_was_recognised_anyway_is_no_news_unless_questions_were_answered(workspace: Workspace) -> None:
    remember(workspace, RECOGNISED, GUESS, "bikes")
    assert remembered(workspace, RECOGNISED) is None
    doubtful = replace(RECOGNISED, doubts=(Doubt("which one counts?"),))
    assert remembered(workspace, doubtful) is not None


def test_the_last_correction_counts(workspace: Workspace) -> None:
    remember(workspace, RECOGNISED, CORRECTED, "bikes")
    later = replace(CORRECTED, corpus=replace(CORRECTED.corpus, id=None))
    remember(workspace, RECOGNISED, later, "cars")
    found = remembered(workspace, RECOGNISED)
    assert found is not None
    assert (found.reading, found.dataset) == (later, "cars")


def test_only_the_last_readings_are_kept(workspace: Workspace) -> None:
    for number in range(READINGS + 2):
        save_reading(workspace.database, MAIN, f"dataset {number}", [{"file": f"{number}.csv"}], {})
    kept = stored_readings(workspace.database, MAIN)
    assert len(kept) == READINGS
    assert kept[0].dataset == f"dataset {READINGS + 1}"


def test_a_reading_of_another_version_is_passed_over(workspace: Workspace) -> None:
    tables = [
        {"file": each.table.file, "kind": "csv", "member": "", "columns": list(each.columns)}
        for each in (ARTICLES, FAQ)
    ]
    save_reading(workspace.database, MAIN, "bikes", tables, {"corpus": {"unknown": 1}})
    assert remembered(workspace, RECOGNISED) is None
