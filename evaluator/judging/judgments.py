"""Edits judgments: creates a new version of the dataset, which shares documents and queries with the previous one."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

from evaluator.datasets.canonical import QRELS_FILE, write_qrels
from evaluator.datasets.defects import nothing_relevant
from evaluator.datasets.formats.fields import MAX_GRADE, MIN_GRADE
from evaluator.datasets.judged import JUDGMENT_NOTES, judgment_notes
from evaluator.datasets.layout import manifest_artifact, qrels_artifact
from evaluator.datasets.staging.stage import store_part
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.access import Action
from evaluator.domain.dataset import DatasetManifest, Qrels
from evaluator.domain.records import DatasetRow
from evaluator.errors import DatasetError, InvalidInputError, UnknownNameError
from evaluator.judging.rescore_after_edits import follow
from evaluator.library import catalog
from evaluator.library.browsing import known_documents
from evaluator.store import datasets
from evaluator.workspace.acting import needs, require
from evaluator.workspace.workspace import Workspace

Changes = Mapping[tuple[str, str], int | None]
"""New grades by query id and document id; None removes the judgment."""


@needs(Action.EDIT)
def edit(workspace: Workspace, dataset: int, changes: Changes, note: str = "") -> DatasetRow:
    """Change judgments. This creates the dataset's next version, and finished experiments are rescored for it.

    Changes apply to the newest version, even if the person edited an older one; other judgments stay as they are. If
    nothing changes, no new version is created.

    Args:
        workspace: the workspace.
        dataset: the dataset's id.
        changes: the new grades.
        note: the reason for the changes; stored with the version.

    Raises:
        InvalidInputError: the dataset, a query or a document is unknown, a grade is out of range, the note is too
            long, or no query would have a relevant document.
        NotRescoredError: the judgments are saved, but experiments will be rescored later.
    """
    before = catalog.by_id(workspace, dataset)
    require(Action.EDIT, before.project)
    row = save(workspace, dataset, changes, catalog.checked_note(note))
    if row.version != before.version:
        catalog.note_change(workspace, row)
    follow(workspace, row)
    return catalog.by_id(workspace, row.id)


def save(workspace: Workspace, dataset: int, changes: Changes, note: str = "") -> DatasetRow:
    """Change judgments as `edit` does, but leave rescoring to the next call of `follow`.

    Raises:
        InvalidInputError: as `edit`.
    """
    with catalog.CHANGES:
        row = catalog.by_id(workspace, dataset)
        stored = catalog.load(workspace, row)
        _check(stored, changes)
        qrels = edited(stored.qrels, changes)
        if qrels == stored.qrels:
            return row
        manifest = _store(workspace, row.manifest, stored, qrels)
        change = in_words(stored.qrels, changes) + (f": {note.strip()}" if note.strip() else "")
        datasets.add_version(workspace.database, row.id, manifest, row.source, change)
    return catalog.by_id(workspace, row.id)


def edited(qrels: Qrels, changes: Changes) -> dict[str, dict[str, int]]:
    """Judgments after some changes; queries without a judgment are absent."""
    grades = {query_id: dict(judged) for query_id, judged in qrels.items()}
    for (query_id, doc_id), grade in changes.items():
        if grade is None:
            grades.get(query_id, {}).pop(doc_id, None)
        else:
            grades.setdefault(query_id, {})[doc_id] = grade
    return {query_id: judged for query_id, judged in grades.items() if judged}


def in_words(qrels: Qrels, changes: Changes) -> str:
    """Changes in words, such as `2 judgments added, 1 removed`."""
    counts = {"added": 0, "changed": 0, "removed": 0}
    for (query_id, doc_id), grade in changes.items():
        before = qrels.get(query_id, {}).get(doc_id)
        if grade != before:
            counts["added" if before is None else "removed" if grade is None else "changed"] += 1
    parts = [f"{n:,} {verb}" for verb, n in counts.items() if n]
    number, first = parts[0].split(" ")
    noun = "judgment" if number == "1" else "judgments"
    return ", ".join([f"{number} {noun} {first}", *parts[1:]])


def _check(dataset: StoredDataset, changes: Changes) -> None:
    """Refuse unknown queries and documents and invalid grades; an already judged document may be missing in the corpus.

    Raises:
        InvalidInputError: a query or a document is unknown, or a grade is out of range.
    """
    new = {pair for pair in changes if pair[1] not in dataset.qrels.get(pair[0], {})}
    for query_id in dict.fromkeys(query_id for query_id, _ in changes):
        if query_id not in dataset.query_rows:
            raise UnknownNameError(
                f"there is no query with the id {query_id!r} in this dataset; check the id"
            )
    known = known_documents(dataset, {doc_id for _, doc_id in new})
    for query_id, doc_id in changes:
        if (query_id, doc_id) in new and doc_id not in known:
            raise UnknownNameError(
                f"there is no document with the id {doc_id!r} in this dataset, which was to be judged for the query "
                f"{query_id!r}; check the id"
            )
    for (query_id, doc_id), grade in changes.items():
        if grade is not None and not MIN_GRADE <= grade <= MAX_GRADE:
            raise InvalidInputError(
                f"the grade {grade} of {doc_id!r} for {query_id!r} is out of range; write a small whole number"
            )


def _store(
    workspace: Workspace, before: DatasetManifest, dataset: StoredDataset, qrels: Qrels
) -> DatasetManifest:
    """Store the dataset with other judgments and the same runs; returns the new manifest.

    Raises:
        DatasetError: no query would have a relevant document.
    """
    known = known_documents(dataset, {doc_id for grades in qrels.values() for doc_id in grades})
    _require_relevant(qrels, known)
    other_notes = [note for note in before.notes if note.code not in JUDGMENT_NOTES]
    with tempfile.TemporaryDirectory(prefix="evaluator-judgments-") as folder:
        file = Path(folder) / QRELS_FILE
        manifest = dataclasses.replace(
            before,
            counts_runs=bool(before.runs),
            qrels=write_qrels(file, qrels),
            n_judgments=sum(map(len, qrels.values())),
            notes=(*other_notes, *judgment_notes(dataset.query_rows, qrels, known)),
        )
        store_part(file, workspace.store, qrels_artifact(manifest))
    workspace.store.put_json(manifest_artifact(manifest.fingerprint), manifest.to_json())
    return manifest


def _require_relevant(qrels: Qrels, doc_ids: Collection[str]) -> None:
    """Refuse judgments that an import would refuse because no query has a relevant document.

    Raises:
        DatasetError: no query has a relevant document in the corpus.
    """
    relevant = [doc_id for grades in qrels.values() for doc_id, grade in grades.items() if grade >= 1]
    n_judgments = sum(map(len, qrels.values()))
    finding = nothing_relevant(
        n_judgments, n_judgments, len(relevant), sum(doc_id in doc_ids for doc_id in relevant)
    )
    if finding is not None:
        raise DatasetError(f"this cannot be saved: {finding.message}")
