"""Reads an example as `check` does, and says what a person is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from evaluator.datasets.canonical import CORPUS_FILE, QRELS_FILE, QUERIES_FILE
from evaluator.datasets.health.report import HealthReport
from evaluator.datasets.recognition.unused import unused
from evaluator.datasets.staging.importing import certain_reading, open_files
from evaluator.errors import DatasetError
from evaluator.uploads import examination
from tests.cases.case import Example
from tests.shapes.content import Judged
from tests.shapes.writing import write

LIMIT = 1 << 30
EXPECTED = "few-queries"
"""A finding of every case."""


class Checked(NamedTuple):
    """What a check says.

    Attributes:
        refusal: why the dataset cannot be imported; empty if it can.
        reads: the numbers of documents, queries and judgments.
        judged: the judgments by texts.
        findings: codes of the findings, few queries aside.
        unused: what takes no part.
        runs: names of runs.
    """

    refusal: str
    reads: tuple[int, int, int] | None = None
    judged: Judged | None = None
    findings: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


def checked(example: Example, folder: Path, answer: Mapping[str, Any]) -> Checked:
    """Check an example's files with a person's answers."""
    write(folder / "files", example.files)
    (folder / "scratch").mkdir()
    with open_files(str(folder / "files"), LIMIT, folder / "scratch") as opened:
        try:
            reading = certain_reading("the files", opened.recognised, answer)
        except DatasetError as error:
            return Checked(str(error))
        staged, report, _ = examination.check(
            opened.folder,
            reading,
            folder / "staged",
            exclude_self=False,
            on_stage=lambda _stage: None,
            on_progress=lambda _count: None,
        )
        if report.blocking:
            return Checked(_refusal(report))
        assert staged.manifest is not None
        return Checked(
            "",
            (report.n_documents, report.n_queries, report.n_judgments),
            _judged(staged.folder),
            tuple(finding.code for finding in report.findings if finding.code != EXPECTED),
            tuple(item.place for item in unused(opened.recognised, reading)),
            tuple(run.name for run in staged.manifest.runs),
        )


def _judged(staged: Path) -> Judged:
    """The judgments as they are stored, by texts."""
    documents, queries = (
        {row[id_]: row["text"] for row in pq.read_table(staged / file).to_pylist()}
        for file, id_ in ((CORPUS_FILE, "doc_id"), (QUERIES_FILE, "query_id"))
    )
    rows = pq.read_table(staged / QRELS_FILE).to_pylist()
    return {(queries[row["query_id"]], documents[row["doc_id"]]): row["grade"] for row in rows}


def _refusal(report: HealthReport) -> str:
    return " ".join(
        " ".join((finding.message, *finding.examples))
        for finding in report.findings
        if finding.severity != "note"
    )
