"""Ranked lists that come with a dataset."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.health.report import examine
from evaluator.datasets.recognition.recognise import recognise
from evaluator.datasets.runs import run_artifact
from evaluator.datasets.staging.from_tables import open_source
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.staging.stage import Staged, stage
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.fingerprint import fingerprint

TOPICS = "<top>\n<num> Number: 1\n<title> first topic\n</top>\n<top>\n<num> Number: 2\n<title> second topic\n</top>\n"
DOCUMENTS = "".join(
    f"<DOC>\n<DOCNO>{doc_id}</DOCNO>\n<TEXT>the document {doc_id}</TEXT>\n</DOC>\n"
    for doc_id in ("a", "b", "c")
)


def staged(folder: Path, run: str) -> Staged:
    """A small TREC collection with a run."""
    folder.mkdir()
    (folder / "documents.sgml").write_text(DOCUMENTS)
    (folder / "topics.txt").write_text(TOPICS)
    (folder / "qrels.txt").write_text("1 0 a 1\n2 0 b 1\n")
    (folder / "theirs.run").write_text(run)
    reading = recognise(folder).reading
    assert reading is not None
    return stage(open_source(folder, reading), folder / "staged")


def lists(staged: Staged) -> dict[str, list[tuple[str, float]]]:
    """The only run's lists by query."""
    assert staged.manifest is not None
    (run,) = staged.manifest.runs
    result: dict[str, list[tuple[str, float]]] = {}
    for row in pq.read_table(staged.folder / f"run-{run.id}.parquet").to_pylist():
        result.setdefault(row["query_id"], []).append((row["doc_id"], row["score"]))
    return result


def test_lists_are_ordered_by_the_ranking_policy(tmp_path: Path) -> None:
    """By score, ties by id descending, whatever the ranks say."""
    run = "1 Q0 a 1 0.5 x\n1 Q0 b 2 0.75 x\n1 Q0 c 3 0.5 x\n2 Q0 b 1 3 x\n"
    assert lists(staged(tmp_path / "d", run)) == {
        "1": [("b", 0.75), ("c", 0.5), ("a", 0.5)],
        "2": [("b", 3.0)],
    }


def test_lines_of_unknown_queries_are_left_out_and_noted(tmp_path: Path) -> None:
    result = staged(tmp_path / "d", "1 Q0 a 1 2 x\n7 Q0 a 1 2 x\n")
    assert lists(result) == {"1": [("a", 2.0)]}
    assert result.manifest is not None
    note = result.manifest.notes[-2]
    assert (note.code, note.count, note.examples) == ("unknown-run-queries", 1, ("7",))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1 Q0 a 1 high x", "the score 'high' in score is no number"),
        ("1 Q0 a 1 nan x", "the score 'nan'"),
        ("1 a 2", "6 fields"),
    ],
)
def test_lines_that_cannot_be_read_are_defects(tmp_path: Path, line: str, reason: str) -> None:
    good = "".join(f"1 Q0 {doc_id} 1 2 x\n" for doc_id in "abc" for _ in range(100))
    (defect,) = staged(tmp_path / "d", f"{good}{line}\n").defects
    assert defect.code == "unreadable-rows"
    assert f"theirs.run:301: {reason}" in defect.examples[0]


def test_runs_are_stored_beside_the_dataset(tmp_path: Path, store: ArtifactStore) -> None:
    examples = Path(__file__).parents[3] / "data" / "trec"
    manifest = import_dataset(examples, store)
    assert [(run.name, run.n_queries) for run in manifest.runs] == [("first-words", 2)]
    assert store.exists(run_artifact(manifest.runs[0].id))
    assert DatasetManifest.from_json(manifest.to_json()) == manifest
    assert DatasetManifest.from_json(manifest.to_json()).runs == manifest.runs


def test_another_run_is_another_dataset(tmp_path: Path) -> None:
    """Its name and its lists count; whatever else came along does not."""
    one, same, other = (
        staged(tmp_path / name, run).manifest
        for name, run in (("a", "1 Q0 a 1 2 x\n"), ("b", "1 Q0 a 9 2.0 y\n"), ("c", "1 Q0 b 1 2 x\n"))
    )
    assert one is not None
    assert same is not None
    assert other is not None
    assert (one, one.fingerprint) == (same, same.fingerprint)
    assert one != other
    assert one.fingerprint != other.fingerprint
    assert other.differs_in_runs_alone(one)
    without = dataclasses.replace(one, runs=())
    assert one.fingerprint != without.fingerprint == fingerprint([one.corpus, one.queries, one.qrels, False])


def test_a_manifest_that_was_stored_before_runs_counted_keeps_its_fingerprint(tmp_path: Path) -> None:
    manifest = staged(tmp_path / "d", "1 Q0 a 1 2 x\n").manifest
    assert manifest is not None
    record = manifest.to_json()
    del record["counts_runs"]
    before = DatasetManifest.from_json(record)
    assert before == manifest  # so that importing the same again is no new version
    assert before.fingerprint == fingerprint([before.corpus, before.queries, before.qrels, False])


def test_runs_with_the_same_name_are_numbered(tmp_path: Path) -> None:
    folder = tmp_path / "d"
    (folder / "again").mkdir(parents=True)
    (folder / "again" / "theirs.run").write_text("1 Q0 b 1 2 x\n")
    (folder / "documents.sgml").write_text(DOCUMENTS)
    (folder / "topics.txt").write_text(TOPICS)
    (folder / "qrels.txt").write_text("1 0 a 1\n2 0 b 1\n")
    (folder / "theirs.run").write_text("1 Q0 a 1 2 x\n")
    reading = recognise(folder).reading
    assert reading is not None
    manifest = stage(open_source(folder, reading), folder / "staged").manifest
    assert manifest is not None
    assert [run.name for run in manifest.runs] == ["theirs", "theirs 2"]


def test_a_run_beside_a_known_format_is_imported(tmp_path: Path, store: ArtifactStore) -> None:
    folder = tmp_path / "beir"
    folder.mkdir()
    (folder / "corpus.jsonl").write_text('{"_id": "a", "title": "", "text": "a text"}\n')
    (folder / "queries.jsonl").write_text('{"_id": "1", "text": "a query"}\n')
    (folder / "theirs.run").write_text("1 Q0 a 1 2 x\n")
    assert [run.name for run in import_dataset(folder, store).runs] == ["theirs"]


def test_what_is_odd_about_a_run_is_counted(tmp_path: Path) -> None:
    """Query 1 lists `a` twice and all with one score; query 2 has no list."""
    result = staged(tmp_path / "d", "1 Q0 a 1 5 x\n1 Q0 b 2 2 x\n1 Q0 a 3 2 x\n")
    assert lists(result) == {"1": [("b", 2.0), ("a", 2.0)]}  # the last line of `a` counts
    assert result.manifest is not None
    found = {note.code: (note.count, note.examples) for note in result.manifest.notes}
    assert found == {
        "repeated-run-documents": (1, ("1 a",)),
        "queries-without-list": (1, ("2",)),
        "tied-lists": (1, ("1",)),
    }
    warnings = [finding.message for finding in examine(result).findings if finding.code in found]
    assert warnings == [
        "run theirs: 1 line with a document that was listed before for the query; the last line counts, as in "
        "ir_measures",
        "run theirs: 1 query without a list",
        "run theirs: 1 list with the same score for every document",
    ]
