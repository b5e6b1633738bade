"""Reads a shape as an import does."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from evaluator.datasets.reading import Reading
from evaluator.datasets.recognition.recognise import Recognised, recognise
from evaluator.datasets.recognition.unused import Unused, unused
from evaluator.datasets.staging.from_tables import open_source
from evaluator.datasets.staging.importing import certain_reading
from evaluator.errors import DatasetError
from tests.shapes.content import Judged


class Read(NamedTuple):
    """What an import reads.

    Attributes:
        n_documents, n_queries: rows of both.
        judged: grades by texts; a document that the corpus lacks has the text `?id`.
        errors: rows that cannot be read.
        unused: what takes no part.
    """

    n_documents: int
    n_queries: int
    judged: Judged
    errors: list[DatasetError]
    unused: list[Unused]


def read_shape(folder: Path, answer: Mapping[str, Any]) -> Read:
    """Read a folder, with a person's answers.

    Raises:
        DatasetError: it is not recognised, or a question is left.
    """
    recognised = recognise(folder)
    return read_as(folder, recognised, certain_reading("the files", recognised, answer))


def read_as(folder: Path, recognised: Recognised, reading: Reading) -> Read:
    """Read a folder by a reading."""
    source = open_source(folder, reading)
    rows = [row for part in (source.documents(), source.queries(), source.judgments()) for _, row in part]
    errors = [row for row in rows if isinstance(row, DatasetError)]
    documents = {d.doc_id: d.text for _, d in source.documents() if not isinstance(d, DatasetError)}
    queries = {q.query_id: q.text for _, q in source.queries() if not isinstance(q, DatasetError)}
    judged: Judged = {}
    for _, judgment in source.judgments():
        if not isinstance(judgment, DatasetError):
            query_id, doc_id, grade = judgment
            judged[queries.get(query_id, f"?{query_id}"), documents.get(doc_id, f"?{doc_id}")] = grade
    return Read(len(documents), len(queries), judged, errors, unused(recognised, reading))
