"""Staging writes a source as canonical Parquet into a folder and collects its defects; publishing stores the result.

Rows are streamed. Of a document only its id, its place and a digest of 16 bytes stay in memory, never its text.
docs/datasets.md lists the rules.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.canonical import (
    CORPUS_FILE,
    QRELS_FILE,
    QUERIES_FILE,
    Values,
    query_digest,
    write_qrels,
    write_rows,
)
from evaluator.datasets.defects import Defects, nothing_relevant, nothing_there
from evaluator.datasets.derived import remove_derived
from evaluator.datasets.findings import Finding, Tally
from evaluator.datasets.formats.fields import Trimmed
from evaluator.datasets.judged import judgment_notes
from evaluator.datasets.layout import (
    CORPUS_SCHEMA,
    QUERIES_SCHEMA,
    corpus_artifact,
    manifest_artifact,
    qrels_artifact,
    queries_artifact,
)
from evaluator.datasets.reading import Repair
from evaluator.datasets.runs import RunRemarks, rankings, run_artifact, write_run
from evaluator.datasets.source import Place, Source
from evaluator.datasets.staging.judgments import Judged, KnownIds, as_meant, collect
from evaluator.domain.dataset import DatasetManifest, ImportNote, RunNote
from evaluator.domain.fingerprint import fingerprint_set, row_digest, text_key
from evaluator.domain.names import numbered
from evaluator.errors import DatasetError

PROGRESS_EVERY = 1000
"""Rows of the corpus between two reports of progress."""

SCRATCH = "run.part"

OnProgress = Callable[[int], None]


@dataclass(frozen=True)
class Staged:
    """A dataset in canonical form, not stored yet; rows with defects are left out of its files.

    Attributes:
        folder: where its Parquet files are.
        manifest: the manifest that the stored dataset would have; None without documents, or if queries are missing.
        defects: the reasons why it cannot be stored, in the order in which they were found.
    """

    folder: Path
    manifest: DatasetManifest | None
    defects: tuple[Finding, ...] = ()


@dataclass
class _Part:
    """What is kept of a part when its rows were read: ids in order, each with its place, and digests of the rows."""

    n_rows: int = 0
    ids: dict[str, Place] = field(default_factory=dict)
    digests: list[bytes] = field(default_factory=list)
    blank: Tally = field(default_factory=Tally)
    excluding: Tally = field(default_factory=Tally)
    trimmed: Tally = field(default_factory=Tally)

    @property
    def fingerprint(self) -> str:
        return fingerprint_set(self.digests)


def stage(
    source: Source,
    folder: Path,
    *,
    exclude_self: bool = False,
    repairs: Collection[Repair] = (),
    on_progress: OnProgress | None = None,
) -> Staged:
    """Write a dataset in canonical form into a folder, and collect its defects.

    Args:
        source: the dataset's files.
        folder: where the Parquet files are written; created if it does not exist.
        exclude_self: whether a document with the query's own id is left out of that query's list.
        repairs: what is done about defects. Rows are left out only if some documents, queries and, where there are
            any, judgments remain.
        on_progress: called with the rows of the corpus read so far, from time to time and at the end.
    """
    folder.mkdir(parents=True, exist_ok=True)
    defects, corpus, queries = Defects(), _Part(), _Part()
    write_rows(folder / CORPUS_FILE, CORPUS_SCHEMA, _document_rows(source, corpus, defects, on_progress))
    write_rows(folder / QUERIES_FILE, QUERIES_SCHEMA, _query_rows(source, queries, defects))
    known = KnownIds(queries.ids, corpus.ids, match_padded="match-padded-ids" in repairs)
    judged = collect(source.judgments(), known, defects)
    defects.find_first_grades(as_meant(source.judgments(), known))
    runs, run_notes = _stage_runs(source, folder, known, defects)
    leavable = defects.can_be_left_out and _something_remains(source, corpus, queries, judged)
    if leavable and "leave-out-rows" in repairs:
        findings, left_out = [], defects.notes(corpus.n_rows + queries.n_rows + judged.n_rows)
    else:
        findings, left_out = defects.findings("leave-out-rows" if leavable else None), []
    n_queries = None if source.documents_alone else queries.n_rows
    findings += nothing_there(corpus.n_rows, n_queries, defects.n_unreadable)
    qrels = write_qrels(folder / QRELS_FILE, judged.qrels)
    manifest = None
    if corpus.ids and (queries.ids or source.documents_alone):
        findings += _nothing_relevant(corpus, judged)
        manifest = DatasetManifest(
            corpus=corpus.fingerprint,
            queries=queries.fingerprint,
            qrels=qrels,
            n_documents=len(corpus.ids),
            n_queries=len(queries.ids),
            n_judgments=sum(map(len, judged.qrels.values())),
            exclude_self=exclude_self,
            notes=(
                *left_out,
                *source.notes(),
                *_notes(corpus, queries, judged, known, exclude_self=exclude_self),
                *run_notes,
            ),
            runs=runs,
            counts_runs=bool(runs),
        )
    return Staged(folder, manifest, tuple(findings))


def publish(staged: Staged, store: ArtifactStore) -> DatasetManifest:
    """Move a staged dataset into the store, which keeps the same content only once.

    Raises:
        DatasetError: the dataset has defects; nothing is stored. Names the first defect and counts the others.
    """
    manifest = require_sound(staged)
    remove_derived(store, manifest)
    store_part(staged.folder / CORPUS_FILE, store, corpus_artifact(manifest))
    store_part(staged.folder / QUERIES_FILE, store, queries_artifact(manifest))
    store_part(staged.folder / QRELS_FILE, store, qrels_artifact(manifest))
    for run in manifest.runs:
        store_part(staged.folder / _run_file(run.id), store, run_artifact(run.id))
    store.put_json(manifest_artifact(manifest.fingerprint), manifest.to_json())
    return manifest


def staged_sizes(staged: Staged) -> dict[str, int]:
    """Bytes of a sound staged dataset's files that are not moved yet, by the artifacts that they become."""
    manifest = require_sound(staged)
    files = {
        corpus_artifact(manifest): CORPUS_FILE,
        queries_artifact(manifest): QUERIES_FILE,
        qrels_artifact(manifest): QRELS_FILE,
        **{run_artifact(run.id): _run_file(run.id) for run in manifest.runs},
    }
    paths = {name: staged.folder / file for name, file in files.items()}
    return {name: path.stat().st_size for name, path in paths.items() if path.exists()}


def require_sound(staged: Staged) -> DatasetManifest:
    """The manifest of a staged dataset that can be published.

    Raises:
        DatasetError: the dataset has defects. Names the first defect and counts the others.
    """
    if staged.defects or staged.manifest is None:
        raise DatasetError(_first_defect(staged.defects))
    return staged.manifest


def _first_defect(defects: tuple[Finding, ...]) -> str:
    """The message of the first defect, and the number of further defects."""
    first = defects[0]
    others = sum(finding.count if finding.examples else 1 for finding in defects) - 1
    message = first.examples[0] if first.examples else first.message
    return f"{message} (and {others:,} more)" if others else message


def store_part(file: Path, store: ArtifactStore, artifact: str) -> None:
    """Move a finished file into the store, unless the store already has it."""

    def move(target: Path) -> None:
        shutil.move(file, target)

    store.put(artifact, move)


def _document_rows(
    source: Source, corpus: _Part, defects: Defects, on_progress: OnProgress | None
) -> Iterator[Values]:
    """Rows of the corpus's schema; records each row in `corpus`, or in `defects` if the row is left out."""
    for place, document in source.documents():
        corpus.n_rows += 1
        if on_progress and corpus.n_rows % PROGRESS_EVERY == 0:
            on_progress(corpus.n_rows)
        if isinstance(document, DatasetError):
            defects.unreadable(place, document)
            continue
        if type(document.doc_id) is Trimmed:
            corpus.trimmed.add(f"{place}: {document.doc_id}")
        if document.doc_id in corpus.ids:
            defects.repeated_id(place, "document", document.doc_id, corpus.ids[document.doc_id])
        else:
            corpus.ids[document.doc_id] = place
            corpus.digests.append(row_digest(*document))
            content = document.content
            if not content:
                corpus.blank.add(document.doc_id)
            yield (*document, text_key(content))
    if on_progress and corpus.n_rows % PROGRESS_EVERY:
        on_progress(corpus.n_rows)


def _query_rows(source: Source, queries: _Part, defects: Defects) -> Iterator[Values]:
    """Rows of the queries' schema; records each row in `queries`, or in `defects` if the row is left out."""
    for place, query in source.queries():
        queries.n_rows += 1
        if isinstance(query, DatasetError):
            defects.unreadable(place, query)
            continue
        if type(query.query_id) is Trimmed:
            queries.trimmed.add(f"{place}: {query.query_id}")
        if query.query_id in queries.ids:
            defects.repeated_id(place, "query", query.query_id, queries.ids[query.query_id])
        else:
            queries.ids[query.query_id] = place
            queries.digests.append(query_digest(query))
            if query.excluded:
                queries.excluding.add(query.query_id)
            yield (*query, text_key(query.text))


def _stage_runs(
    source: Source, folder: Path, known: KnownIds, defects: Defects
) -> tuple[tuple[RunNote, ...], list[ImportNote]]:
    """Write the ranked lists that came with the dataset; equal runs become one, equal names are numbered."""
    runs: dict[str, RunNote] = {}
    notes: list[ImportNote] = []
    named_lines = list(source.runs())
    names = numbered([name for name, _ in named_lines])
    for name, (_, lines) in zip(names, named_lines, strict=True):
        remarks = RunRemarks(name)
        lists = rankings(as_meant(lines, known), known.queries, defects, remarks)
        notes += remarks.notes()
        if not lists:
            continue  # it names no query of the dataset, so that it belongs to another
        id_ = write_run(folder / SCRATCH, lists)
        (folder / SCRATCH).replace(folder / _run_file(id_))
        runs.setdefault(id_, RunNote(name, id_, len(lists)))
    return tuple(runs.values()), notes


def _run_file(id_: str) -> str:
    return f"run-{id_}.parquet"


def _something_remains(source: Source, corpus: _Part, queries: _Part, judged: Judged) -> bool:
    """Whether there are documents and queries without the rows with defects, and judgments if any are given."""
    has_queries = bool(queries.ids) or source.documents_alone
    return bool(corpus.ids and has_queries and (judged.qrels or not judged.n_rows))


def _nothing_relevant(corpus: _Part, judged: Judged) -> list[Finding]:
    relevant = [doc_id for grades in judged.qrels.values() for doc_id, grade in grades.items() if grade >= 1]
    n_kept = sum(map(len, judged.qrels.values()))
    n_found = sum(doc_id in corpus.ids for doc_id in relevant)
    finding = nothing_relevant(judged.n_given, n_kept, len(relevant), n_found)
    return [finding] if finding else []


def _notes(
    corpus: _Part, queries: _Part, judged: Judged, known: KnownIds, *, exclude_self: bool
) -> Iterator[ImportNote]:
    """Notes on everything that the import found and handled by a rule."""
    yield from judgment_notes(queries.ids, judged.qrels, corpus.ids)
    self_ids = Tally()
    for query_id in queries.ids:
        if query_id in corpus.ids:
            self_ids.add(query_id)
    trimmed = corpus.trimmed + queries.trimmed + judged.trimmed
    matched, unmatched = (judged.padded, Tally()) if known.match_padded else (Tally(), judged.padded)
    example = next(iter(judged.padded.examples), "")
    self_rule = "left out of" if exclude_self else "kept in"
    tallies = {
        "empty-documents": (corpus.blank, "documents without any text are kept"),
        "padded-ids": (
            trimmed,
            "ids with white space or invisible characters around them are read without these",
        ),
        "matched-ids": (
            matched,
            f"judgments name ids with other leading zeros, such as {example}: they are taken for the same",
        ),
        "unmatched-ids": (unmatched, f"judgments name ids with other leading zeros, such as {example}"),
        "unknown-queries": (judged.unknown_queries, "judgments that refer to unknown queries are left out"),
        "repeated-judgments": (judged.repeated, "judgments given again with the same grade count once"),
        "excluded-documents": (
            queries.excluding,
            "queries name documents that are left out of their lists",
        ),
        "self-ids": (
            self_ids,
            f"ids are both a query's and a document's: such a document is {self_rule} that query's list",
        ),
    }
    for code, (tally, message) in tallies.items():
        if tally.count:
            yield ImportNote(code, tally.count, message, tuple(tally.examples))
