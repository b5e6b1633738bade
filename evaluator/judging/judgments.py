"""Editing judgments: a new version of the dataset, which shares documents and queries with the one before."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import NamedTuple

from evaluator.datasets.canonical import QRELS_FILE, write_qrels
from evaluator.datasets.defects import nothing_relevant
from evaluator.datasets.formats.fields import MAX_GRADE, MIN_GRADE
from evaluator.datasets.judged import JUDGMENT_NOTES, judgment_notes
from evaluator.datasets.layout import manifest_artifact, qrels_artifact
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import DatasetManifest, Qrels
from evaluator.domain.records import DatasetRow
from evaluator.errors import DatasetError, InvalidInputError, UnknownNameError
from evaluator.judging.rescore import rescore
from evaluator.library import catalog
from evaluator.library.browsing import known_documents
from evaluator.store import registry
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

Changes = Mapping[tuple[str, str], int | None]
"""New grades by query id and document id; None takes the judgment away."""

MAX_NOTE = 500
"""Characters."""

FOLLOWING = threading.Lock()
"""Held while experiments follow; edits that are saved meanwhile come next."""
STEPS = Kind("judgment edits", 1)
"""Edits that experiments have not followed yet, the first at first."""


def edit(workspace: Workspace, dataset: int, changes: Changes, note: str = "") -> DatasetRow:
    """Change judgments. That is the dataset's next version, and finished experiments follow to it, rescored.

    Changes are made to the newest version, whatever the person saw who asked for them: other pairs stay as they are.
    If nothing changes, there is no new version.

    Args:
        dataset: its id.
        note: why, in words; kept with the version.

    Raises:
        InvalidInputError: the dataset, a query or a document is unknown, a grade out of range, the note too long, or
            no query would have a relevant document any more.
    """
    if len(note) > MAX_NOTE:
        raise InvalidInputError(f"the note has {len(note):,} characters; shorten it to {MAX_NOTE}")
    row = save(workspace, dataset, changes, note)
    follow(workspace)
    return catalog.by_id(workspace, row.id)


def save(workspace: Workspace, dataset: int, changes: Changes, note: str = "") -> DatasetRow:
    """Change judgments as `edit` does; experiments follow with the next `follow`.

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
        registry.add_version(workspace.database, row.id, manifest, row.source, change)
        _steps(workspace).append(Step(row.id, row.manifest, manifest))
    return catalog.by_id(workspace, row.id)


class Step(NamedTuple):
    """A dataset (its id) went from one version to the next."""

    dataset: int
    before: DatasetManifest
    after: DatasetManifest


def follow(workspace: Workspace) -> None:
    """Let finished experiments follow every edit so far, one after the other; who edits meanwhile need not wait."""
    steps = _steps(workspace)
    with FOLLOWING:
        while steps:
            try:
                rescore(workspace, *steps[0])
            finally:
                steps.popleft()


def _steps(workspace: Workspace) -> deque[Step]:
    return workspace.memory.get(STEPS, None, deque)


def edited(qrels: Qrels, changes: Changes) -> dict[str, dict[str, int]]:
    """Judgments after some changes; queries that are left without one are absent."""
    grades = {query_id: dict(judged) for query_id, judged in qrels.items()}
    for (query_id, doc_id), grade in changes.items():
        if grade is None:
            grades.get(query_id, {}).pop(doc_id, None)
        else:
            grades.setdefault(query_id, {})[doc_id] = grade
    return {query_id: judged for query_id, judged in grades.items() if judged}


def in_words(qrels: Qrels, changes: Changes) -> str:
    """What changes come to, such as `2 judgments added, 1 removed`."""
    counts = {"added": 0, "changed": 0, "removed": 0}
    for (query_id, doc_id), grade in changes.items():
        before = qrels.get(query_id, {}).get(doc_id)
        if grade != before:
            counts["added" if before is None else "removed" if grade is None else "changed"] += 1
    parts = [f"{n:,} {what}" for what, n in counts.items() if n]
    number, first = parts[0].split(" ")
    noun = "judgment" if number == "1" else "judgments"
    return ", ".join([f"{number} {noun} {first}", *parts[1:]])


def _check(dataset: StoredDataset, changes: Changes) -> None:
    """Refuse what names something unknown; a document that is judged already may be one that the corpus lacks."""
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
    """Store the dataset with other judgments; returns its manifest. Its runs stay."""
    known = known_documents(dataset, {doc_id for grades in qrels.values() for doc_id in grades})
    _require_relevant(qrels, known)
    kept = [note for note in before.notes if note.code not in JUDGMENT_NOTES]
    with tempfile.TemporaryDirectory(prefix="evaluator-judgments-") as folder:
        file = Path(folder) / QRELS_FILE
        manifest = dataclasses.replace(
            before,
            counts_runs=bool(before.runs),
            qrels=write_qrels(file, qrels),
            n_judgments=sum(map(len, qrels.values())),
            notes=(*kept, *judgment_notes(dataset.query_rows, qrels, known)),
        )

        def move(target: Path) -> None:
            shutil.move(file, target)

        workspace.store.put(qrels_artifact(manifest), move)
    workspace.store.put_json(manifest_artifact(manifest.fingerprint), manifest.to_json())
    return manifest


def _require_relevant(qrels: Qrels, doc_ids: Collection[str]) -> None:
    """Refuse what an import would refuse: judgments by which nothing can be found."""
    relevant = [doc_id for grades in qrels.values() for doc_id, grade in grades.items() if grade >= 1]
    n_judgments = sum(map(len, qrels.values()))
    finding = nothing_relevant(
        n_judgments, n_judgments, len(relevant), sum(doc_id in doc_ids for doc_id in relevant)
    )
    if finding is not None:
        raise DatasetError(f"this cannot be saved: {finding.message}")
