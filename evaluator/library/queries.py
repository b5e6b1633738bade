"""Adds queries that a person typed, pasted or asked to a dataset: its next version, over the same documents."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from evaluator.datasets.canonical import QUERIES_FILE, write_queries
from evaluator.datasets.formats import fields
from evaluator.datasets.judged import JUDGMENT_NOTES, judgment_notes
from evaluator.datasets.layout import manifest_artifact, queries_artifact
from evaluator.datasets.runs import MISSING, RunRemarks, read_run, run_artifact
from evaluator.datasets.source import Place
from evaluator.datasets.staging.stage import store_part
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.access import Action
from evaluator.domain.dataset import DatasetManifest, ImportNote, Query
from evaluator.domain.fingerprint import derived_id
from evaluator.domain.records import DatasetRow
from evaluator.errors import InvalidInputError
from evaluator.library import catalog
from evaluator.library.browsing import known_documents
from evaluator.library.storage import name_dataset
from evaluator.workspace.acting import needs, require
from evaluator.workspace.workspace import Workspace

MAX_QUERIES = 10_000
"""Maximum queries that are added at once; more come from a file."""


class NewQuery(NamedTuple):
    """A query to add; without an id, it gets one from its text."""

    text: str
    query_id: str | None = None
    tags: tuple[str, ...] = ()


class Added(NamedTuple):
    """The dataset after queries were added.

    Attributes:
        ids: the ids of all the given queries, in their order: of new ones, and of those that were there already.
        n_new: how many are new.
    """

    row: DatasetRow
    ids: tuple[str, ...]
    n_new: int


@needs(Action.EDIT)
def add(workspace: Workspace, dataset: int, queries: Sequence[NewQuery], note: str = "") -> Added:
    """Add queries. This creates the dataset's next version, unless the dataset has all of them.

    A query without an id whose text the dataset has is that query. Judgments and runs stay as they are.

    Args:
        dataset: the dataset's id.
        note: where the queries come from; stored with the version.

    Raises:
        InvalidInputError: a query is not valid, an id belongs to another query, there are too many queries, or the note
            is too long.
        UnknownNameError: there is no such dataset.
    """
    if len(queries) > MAX_QUERIES:
        raise InvalidInputError(
            f"{len(queries):,} queries at once are more than {MAX_QUERIES:,}; add them from a file"
        )
    note = catalog.checked_note(note)
    checked = [_checked(number, query) for number, query in enumerate(queries, 1)]
    with catalog.CHANGES:
        row = catalog.by_id(workspace, dataset)
        require(Action.EDIT, row.project)
        stored = catalog.load(workspace, row)
        ids, new = _new(stored.queries, checked)
        if new:
            manifest = _store(workspace, row.manifest, stored, (*stored.queries, *new))
            what = f"{len(new):,} {'query' if len(new) == 1 else 'queries'} added"
            name_dataset(
                workspace,
                row.project,
                row.name,
                manifest,
                row.source,
                change=what + (f": {note}" if note else ""),
            )
            catalog.note_change(workspace, catalog.by_id(workspace, dataset))
    return Added(catalog.by_id(workspace, dataset), ids, len(new))


def pasted(text: str) -> list[NewQuery]:
    """The queries in a text, one in a line: `query`, or an id, a tab and the query, as in the cells of a table."""
    queries = []
    for line in filter(str.strip, text.splitlines()):
        first, tab, rest = line.strip().partition("\t")
        queries.append(NewQuery(rest.strip(), first.strip()) if tab else NewQuery(first))
    return queries


def _checked(number: int, query: NewQuery) -> Query:
    """A valid query, with an id.

    Raises:
        DatasetError: the text or the id is not valid; names the query by its number.
    """
    place = Place(f"query {number}")
    text = fields.query_text(query.text, "text", place)
    query_id = (
        derived_id(text)
        if query.query_id is None
        else str(fields.identifier(query.query_id, "the id", place))
    )
    return Query(query_id, text, fields.tags(list(query.tags), place))


def _new(stored: Iterable[Query], given: Sequence[Query]) -> tuple[tuple[str, ...], list[Query]]:
    """The ids of the given queries, and those that the dataset does not have.

    Raises:
        InvalidInputError: an id belongs to another query.
    """
    texts = {query.query_id: query.text for query in stored}
    by_text = {derived_id(text): query_id for query_id, text in texts.items()}
    ids, new = [], []
    for query in given:
        known_id = by_text.get(query.query_id, query.query_id)
        known_text = texts.get(known_id)
        if known_text is None:
            texts[query.query_id] = query.text
            new.append(query)
        elif known_id == query.query_id and known_text != query.text:
            raise InvalidInputError(
                f"the id {query.query_id!r} belongs to the query {known_text[:60]!r}; "
                f"give {query.text[:60]!r} another one"
            )
        ids.append(known_id)
    return tuple(ids), new


def _store(
    workspace: Workspace, before: DatasetManifest, dataset: StoredDataset, queries: Sequence[Query]
) -> DatasetManifest:
    """Store the dataset with more queries; returns the new manifest."""
    judged = known_documents(dataset, {doc_id for grades in dataset.qrels.values() for doc_id in grades})
    ids = [query.query_id for query in queries]
    notes = (*judgment_notes(ids, dataset.qrels, judged), *_without_list(workspace, before, ids))
    with tempfile.TemporaryDirectory(prefix="evaluator-queries-") as folder:
        file = Path(folder) / QUERIES_FILE
        manifest = dataclasses.replace(
            before,
            counts_runs=bool(before.runs),
            queries=write_queries(file, queries),
            n_queries=len(queries),
            notes=(*(note for note in before.notes if note.code not in (*JUDGMENT_NOTES, MISSING)), *notes),
        )
        store_part(file, workspace.store, queries_artifact(manifest))
    workspace.store.put_json(manifest_artifact(manifest.fingerprint), manifest.to_json())
    return manifest


def _without_list(
    workspace: Workspace, manifest: DatasetManifest, query_ids: Sequence[str]
) -> Iterator[ImportNote]:
    """Notes on the queries for which a run that came with the dataset has no list: they score 0 in it."""
    for run in manifest.runs:
        remarks = RunRemarks(run.name)
        listed = {query_id for query_id, _, _ in read_run(workspace.store.local_path(run_artifact(run.id)))}
        for query_id in query_ids:
            if query_id not in listed:
                remarks.missing.add(query_id)
        yield from remarks.notes()
