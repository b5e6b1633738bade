"""What an import does about defects if a person says so, and what it trims by itself; nothing is done in silence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.health.report import HealthReport, examine, examine_stored
from evaluator.datasets.reading import CorpusPart, QrelsPart, QueriesPart, Reading, Repair, RunPart, Table
from evaluator.datasets.runs import read_run
from evaluator.datasets.staging.from_tables import open_source
from evaluator.datasets.staging.stage import Staged, publish, stage
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import ImportNote
from evaluator.errors import DatasetError
from tests.unit.datasets.sources import Rows, documents, judgments, queries
from tests.unit.datasets.table_files import write

LEAVE_OUT: tuple[Repair, ...] = ("leave-out-rows",)
MATCH: tuple[Repair, ...] = ("match-padded-ids",)


def notes(staged: Staged) -> dict[str, ImportNote]:
    assert staged.manifest
    return {note.code: note for note in staged.manifest.notes}


def blocking(report: HealthReport) -> list[str]:
    return [finding.code for finding in report.findings if finding.severity == "blocking"]


def csv(folder: Path, docs: str, asked: str, judged: str, repairs: Sequence[Repair] = ()) -> Staged:
    """The dataset of three CSV files, whose headers are added."""
    write(folder, "documents.csv", f"id,text\n{docs}")
    write(folder, "queries.csv", f"id,query\n{asked}")
    write(folder, "judgments.csv", f"query,document,grade\n{judged}")
    reading = Reading(
        CorpusPart(Table("documents.csv", "csv"), ("text",), "id"),
        QueriesPart(Table("queries.csv", "csv"), "query", "id"),
        QrelsPart(Table("judgments.csv", "csv"), "query", ("document",), ("grade",)),
        repairs=tuple(repairs),
    )
    return stage(open_source(folder, reading), folder / "staged", repairs=reading.repairs)


BROKEN = Rows(
    [*documents(d1="a", d2="b"), "no text", *documents(d1="again")],
    [*queries(q1="a", q2="b"), "no id"],
    [*judgments("q1 d1 1", "q2 d2 2", "q1 d1 0"), "no grade"],
)
"""Of 11 documents, queries and judgments 3 cannot be read, one repeats an id, and one contradicts another."""


class TestRowsAreLeftOut:
    def test_only_on_request(self, tmp_path: Path) -> None:
        report = examine(stage(BROKEN, tmp_path))
        assert blocking(report) == ["unreadable-rows", "repeated-ids", "contradictory-grades"]
        assert report.can_leave_out

    def test_with_counts_and_examples(self, tmp_path: Path) -> None:
        staged = stage(BROKEN, tmp_path, repairs=LEAVE_OUT)
        assert staged.defects == ()
        assert staged.manifest and (
            (staged.manifest.n_documents, staged.manifest.n_queries, staged.manifest.n_judgments) == (2, 2, 2)
        )
        left_out = [note for note in staged.manifest.notes if note.code.startswith("left-out")]
        of_all = "of 11 documents, queries and judgments"
        assert [(note.code, note.count, note.message) for note in left_out] == [
            (
                "left-out-rows",
                3,
                f"left out: 3 {of_all}, which cannot be read "
                "(1 row of corpus.jsonl, 1 row of queries.jsonl, 1 row of qrels/test.tsv)",
            ),
            ("left-out-repeated-ids", 1, f"left out: 1 {of_all}, with an id that an earlier one has"),
            (
                "left-out-contradictory-grades",
                1,
                f"left out: 1 {of_all}, with another grade than the same pair had before",
            ),
        ]
        assert left_out[0].examples[0] == "corpus.jsonl:3: no text"

    def test_the_first_of_two_grades_stays(self, tmp_path: Path, store: ArtifactStore) -> None:
        manifest = publish(stage(BROKEN, tmp_path, repairs=LEAVE_OUT), store)
        assert StoredDataset.open(store, manifest.fingerprint).qrels == {"q1": {"d1": 1}, "q2": {"d2": 2}}

    def test_the_health_of_the_stored_dataset_keeps_telling_it(
        self, tmp_path: Path, store: ArtifactStore
    ) -> None:
        staged = stage(BROKEN, tmp_path, repairs=LEAVE_OUT)
        before = examine(staged)
        stored = StoredDataset.open(store, publish(staged, store).fingerprint)
        assert examine_stored(stored) == before
        assert [f.severity for f in before.findings if f.code.startswith("left-out")] == ["warning"] * 3

    def test_the_rest_has_the_fingerprint_of_files_without_these_rows(self, tmp_path: Path) -> None:
        clean = Rows(documents(d1="a", d2="b"), queries(q1="a", q2="b"), judgments("q1 d1 1", "q2 d2 2"))
        repaired = stage(BROKEN, tmp_path / "a", repairs=LEAVE_OUT).manifest
        assert repaired and repaired == stage(clean, tmp_path / "b").manifest

    @pytest.mark.parametrize(
        "rows",
        [
            Rows(["no text"]),
            Rows(queries_=["no id"]),
            Rows(judgments_=["no grade"]),
        ],
        ids=["documents", "queries", "judgments"],
    )
    def test_never_all(self, tmp_path: Path, rows: Rows) -> None:
        staged = stage(rows, tmp_path, repairs=LEAVE_OUT)
        report = examine(staged)
        assert blocking(report)[0] == "unreadable-rows"
        assert not report.can_leave_out

    def test_no_judgments_at_all_are_no_obstacle(self, tmp_path: Path) -> None:
        rows = Rows([*documents(d1="a"), "no text"], judgments_=[])
        assert stage(rows, tmp_path, repairs=LEAVE_OUT).defects == ()

    def test_not_if_nothing_relevant_remains(self, tmp_path: Path) -> None:
        rows = Rows([*documents(d1="a"), "no text"], judgments_=judgments("q1 d2 1"))
        report = examine(stage(rows, tmp_path))
        assert blocking(report) == ["unreadable-rows", "nothing-relevant"]
        assert not report.can_leave_out

    def test_not_if_the_rest_of_a_file_is_lost(self, tmp_path: Path) -> None:
        asked, judged = "q1,a\nq2,b\n", "q1,d1,1\n"
        staged = csv(tmp_path, 'd1,a\nd2,"b\nd3,c\nd4,d\n', asked, judged, LEAVE_OUT)
        (finding,) = staged.defects
        assert finding.repair is None
        assert finding.consequence.startswith("documents.csv cannot be read to the end")

    def test_not_if_a_parquet_file_breaks_off(self, tmp_path: Path) -> None:
        pq.write_table(pa.table({"id": ["q1"], "query": ["a"]}), tmp_path / "queries.parquet")
        content = (tmp_path / "queries.parquet").read_bytes()
        write(tmp_path, "queries.parquet", content[:-8])
        write(tmp_path, "documents.csv", "id,text\nd1,a\n")
        reading = Reading(
            CorpusPart(Table("documents.csv", "csv"), ("text",), "id"),
            QueriesPart(Table("queries.parquet", "parquet"), "query", "id"),
        )
        staged = stage(open_source(tmp_path, reading), tmp_path / "staged", repairs=LEAVE_OUT)
        assert [finding.repair for finding in staged.defects] == [None]

    def test_an_unreadable_file_among_texts_can_be_left_out(self, tmp_path: Path) -> None:
        write(tmp_path, "notes/a.txt", "a chain")
        write(tmp_path, "notes/b.pdf", "no PDF")
        write(tmp_path, "queries.csv", "id,query\nq1,a\n")
        reading = Reading(
            CorpusPart(Table("notes", "texts"), ("text",), "id"),
            QueriesPart(Table("queries.csv", "csv"), "query", "id"),
        )
        staged = stage(open_source(tmp_path, reading), tmp_path / "staged", repairs=LEAVE_OUT)
        assert notes(staged)["left-out-rows"].message.endswith("which cannot be read (notes/b.pdf)")


class TestPaddingOfIds:
    def test_white_space_around_ids_is_trimmed_and_counted(self, tmp_path: Path) -> None:
        docs, asked = "d1 ,a\nd2,b\n\u00a0d3\u200b,c\n", " q1,a\nq2,b\n"
        staged = csv(tmp_path, docs, asked, "q1 ,d1\t,1\nq2,\ufeffd2,1\n")
        assert staged.defects == ()
        note = notes(staged)["padded-ids"]
        # 2 documents, 1 query; in the judgments 1 query and 2 documents.
        assert note.count == 6
        assert note.examples[0] == "documents.csv:2: d1"
        assert set(notes(staged)) == {"padded-ids"}

    def test_they_are_the_same_ids_as_without(self, tmp_path: Path) -> None:
        padded = csv(tmp_path / "a", "d1 ,a\n", " q1,a\n", "q1 , d1,1\n").manifest
        assert padded and padded == csv(tmp_path / "b", "d1,a\n", "q1,a\n", "q1,d1,1\n").manifest

    def test_white_space_inside_is_refused(self, tmp_path: Path) -> None:
        (finding,) = csv(tmp_path, "d 1,a\nd2,b\n", "q1,a\n", "q1,d2,1\n").defects
        assert "'d 1' in id contains white space" in finding.examples[0]


class TestLeadingZeros:
    DOCS, ASKED = "1,a\n2,b\n10,c\n", "7,a\n08,b\n"
    JUDGED = "7,001,2\n7,010,1\n8,2,1\n"

    def test_judgments_that_would_fit_without_them_are_pointed_out(self, tmp_path: Path) -> None:
        staged = csv(tmp_path, self.DOCS, self.ASKED, self.JUDGED)
        # 8 is an unknown query, although 08 is there.
        assert notes(staged)["unmatched-ids"].count == 3
        assert notes(staged)["unknown-queries"].count == 1
        (finding,) = [f for f in examine(staged).findings if f.code == "unmatched-ids"]
        assert finding.message == (
            "3 judgments name ids with other leading zeros, such as 001, where the dataset has 1"
        )
        assert (finding.severity, finding.repair) == ("warning", "match-padded-ids")

    def test_they_are_matched_on_request(self, tmp_path: Path, store: ArtifactStore) -> None:
        staged = csv(tmp_path, self.DOCS, self.ASKED, self.JUDGED, MATCH)
        assert notes(staged)["matched-ids"].count == 3
        assert not {"unmatched-ids", "unknown-queries", "unknown-documents"} & set(notes(staged))
        qrels = StoredDataset.open(store, publish(staged, store).fingerprint).qrels
        assert qrels == {"7": {"1": 2, "10": 1}, "08": {"2": 1}}

    def test_not_where_several_ids_are_the_same_number(self, tmp_path: Path) -> None:
        staged = csv(tmp_path, "1,a\n01,b\n2,c\n", "7,a\n", "7,001,1\n7,2,1\n", MATCH)
        assert set(notes(staged)) == {"unknown-documents"}

    def test_only_numbers_match(self, tmp_path: Path) -> None:
        staged = csv(tmp_path, "d1,a\n2,b\n", "7,a\n", "7,0d1,1\n7,2,1\n", MATCH)
        assert set(notes(staged)) == {"unknown-documents"}

    def test_two_spellings_that_disagree_contradict_each_other(self, tmp_path: Path) -> None:
        (finding,) = csv(tmp_path, "1,a\n", "7,a\n", "7,1,1\n7,01,0\n", MATCH).defects
        assert finding.code == "contradictory-grades"
        assert finding.examples[0].startswith(
            "judgments.csv:3: '7' gives '1' the grade 0, but 1 at judgments.csv:2"
        )

    def test_runs_are_matched_as_well(self, tmp_path: Path, store: ArtifactStore) -> None:
        write(tmp_path, "documents.csv", "id,text\n1,a\n")
        write(tmp_path, "queries.csv", "id,query\n7,a\n")
        write(tmp_path, "a.run", "007 Q0 0001 1 0.5 tag\n")
        reading = Reading(
            CorpusPart(Table("documents.csv", "csv"), ("text",), "id"),
            QueriesPart(Table("queries.csv", "csv"), "query", "id"),
            runs=(RunPart(Table("a.run", "run")),),
        )
        staged = stage(open_source(tmp_path, reading), tmp_path / "staged", repairs=MATCH)
        assert staged.manifest
        (run,) = staged.manifest.runs
        assert list(read_run(tmp_path / "staged" / f"run-{run.id}.parquet")) == [("7", "1", 0.5)]


def test_a_blocked_dataset_names_its_first_defect(tmp_path: Path, store: ArtifactStore) -> None:
    with pytest.raises(DatasetError, match="no text"):
        publish(stage(BROKEN, tmp_path), store)
