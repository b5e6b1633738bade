"""Datasets as files for other tools: a BEIR zip that imports to the same fingerprint, and CSV for spreadsheets."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from evaluator.atomic_write import whole_file
from evaluator.datasets.runs import read_run, run_artifact
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Provenance, RunNote
from evaluator.domain.names import without_folder
from evaluator.domain.printable import csv_text, markdown
from evaluator.domain.records import DatasetRow
from evaluator.domain.teamwork.deeds import Deed, dataset_of
from evaluator.library import catalog
from evaluator.workspace.log import note
from evaluator.workspace.workspace import Workspace

README = """\
# {name}

{description}

| | |
|---|---|
| documents | {manifest.n_documents:,} |
| queries | {manifest.n_queries:,} |
| judgments | {manifest.n_judgments:,} |
| version | {version} |
| source | {source} |
| fingerprint | `{manifest.fingerprint}` |
| fingerprint of the corpus | `{manifest.corpus}` |
| fingerprint of the queries | `{manifest.queries}` |
| fingerprint of the judgments | `{manifest.qrels}` |

The format is BEIR's: `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`, and `tags` where there
are some), `qrels/test.tsv` (query, document, grade). Ranked lists that came along are in `runs/`, in TREC's format.
`dataset.json` says what BEIR has no place for: name, description,
tags, whether a document with a query's own id is left out of that query's list (`exclude_self`), whether there are no
queries yet (`documents_alone`), and the files that the dataset was imported from (`provenance`).
"""


def export_beir(workspace: Workspace, row: DatasetRow, path: Path) -> None:
    """Write a dataset's newest version as a zip file, which appears only when it is complete.

    Raises:
        InvalidInputError: the file cannot be written.
    """
    with whole_file(path) as file:
        write_beir(workspace, row, file)


def write_beir(workspace: Workspace, row: DatasetRow, file: IO[bytes]) -> None:
    """Write a dataset's newest version into a file as a zip; the corpus is streamed."""
    dataset = catalog.load(workspace, row)
    note(workspace, Deed.DATASET_DOWNLOADED, row.name, dataset_of(row.id), project=row.project)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        _write(archive, "README.md", [_readme(row)])
        record = _non_beir_record(row, catalog.provenance(workspace, row))
        _write(archive, "dataset.json", [json.dumps(record, ensure_ascii=False, indent=2)])
        _write(archive, "corpus.jsonl", _corpus_lines(dataset))
        _write(archive, "queries.jsonl", _query_lines(dataset))
        if row.manifest.n_judgments:
            _write(archive, "qrels/test.tsv", _qrels_lines(dataset))
        for run in row.manifest.runs:
            _write(archive, f"runs/{run.name}.run", _run_lines(dataset, run))


def judgments_csv(dataset: StoredDataset) -> str:
    """All judgments as CSV, for spreadsheets."""
    rows = ((query, doc, grade) for query, grades in dataset.qrels.items() for doc, grade in grades.items())
    return csv_text(("query_id", "doc_id", "grade"), rows)


def _readme(row: DatasetRow) -> str:
    return README.format(
        name=markdown(row.name),
        description="\n".join(map(markdown, row.description.splitlines())) or "No description.",
        manifest=row.manifest,
        version=row.version,
        source=markdown(without_folder(row.source)),
    )


def _non_beir_record(row: DatasetRow, provenance: tuple[int, Provenance] | None) -> dict[str, Any]:
    return {
        "name": row.name,
        "description": row.description,
        "tags": list(row.tags),
        "exclude_self": row.manifest.exclude_self,
        **({} if row.manifest.n_queries else {"documents_alone": True}),
        "provenance": provenance and provenance[1].to_json(),
    }


def _corpus_lines(dataset: StoredDataset) -> Iterator[str]:
    for document in dataset.documents():
        yield _json_line({"_id": document.doc_id, "title": document.title, "text": document.text})


def _query_lines(dataset: StoredDataset) -> Iterator[str]:
    for query in dataset.queries:
        tags = {"tags": list(query.tags)} if query.tags else {}
        excluded = {"excluded": list(query.excluded)} if query.excluded else {}
        yield _json_line({"_id": query.query_id, "text": query.text, **tags, **excluded})


def _qrels_lines(dataset: StoredDataset) -> Iterator[str]:
    yield "query-id\tcorpus-id\tscore\n"
    for query_id, grades in dataset.qrels.items():
        for doc_id, grade in grades.items():
            yield f"{query_id}\t{doc_id}\t{grade}\n"


def _run_lines(dataset: StoredDataset, run: RunNote) -> Iterator[str]:
    """Lines of TREC's format. Ids hold no white space, because the lists were read from such lines."""
    ranks: Counter[str] = Counter()
    for query_id, doc_id, score in read_run(dataset.store.local_path(run_artifact(run.id))):
        ranks[query_id] += 1
        yield f"{query_id} Q0 {doc_id} {ranks[query_id]} {score!r} {'-'.join(run.name.split())}\n"


def _json_line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"


def _write(archive: zipfile.ZipFile, name: str, lines: Iterable[str]) -> None:
    with archive.open(name, "w", force_zip64=True) as file:
        for line in lines:
            file.write(line.encode())
