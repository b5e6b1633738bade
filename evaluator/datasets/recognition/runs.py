"""Ranked lists among the files: TREC's runs, and tables of query, document and score that are called runs."""

from __future__ import annotations

from pathlib import PurePosixPath

from evaluator.datasets.formats.cells import decimal
from evaluator.datasets.reading import RunPart
from evaluator.datasets.recognition.inspected import InspectedTable
from evaluator.datasets.recognition.names import RUN_NAMES, plain, words

SCORE = ("score", "sim", "similarity", "grade", "weight")
QUERY = ("query", "queryid", "qid", "topic", "topicid")
DOCUMENT = ("document", "docid", "docno", "documentid", "corpusid", "pid", "passageid", "did")
"""Names of a run's columns, the most likely first; `grade` is what a JSON mapping's numbers are called."""


def run_part(inspected: InspectedTable) -> RunPart | None:
    """How a table is read as ranked lists; None if it is no run."""
    table = inspected.table
    if table.kind == "run":
        return RunPart(table)
    by_name = {plain(column): column for column in reversed(inspected.columns)}
    columns = [
        next((by_name[name] for name in names if name in by_name), None) for names in (QUERY, DOCUMENT, SCORE)
    ]
    query, document, score = columns
    if query is None or document is None or score is None:
        return None
    called = words(table.member) | words(PurePosixPath(table.file).name)
    scores = [decimal(value) for value in inspected.cells(score)]
    if not scores or None in scores or not called & RUN_NAMES:
        return None
    return RunPart(table, query, document, score)
