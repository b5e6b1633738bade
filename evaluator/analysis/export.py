"""Exports: runs and qrels as TREC files, per-query measures as CSV or Parquet, all of it as one DuckDB file."""

from __future__ import annotations

import zipfile
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from evaluator import __version__
from evaluator.analysis.leaderboard import leaderboard
from evaluator.analysis.verdict import verdict
from evaluator.datasets.layout import corpus_artifact, qrels_artifact, queries_artifact
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.measures.policy import POLICIES
from evaluator.domain.ranking import Floats, Ints
from evaluator.domain.records import ExperimentRow
from evaluator.domain.teamwork.deeds import Deed, experiment_of
from evaluator.domain.teamwork.wording import decision_words
from evaluator.errors import InvalidInputError
from evaluator.experiments.overview import experiment_yaml
from evaluator.store import experiments, results
from evaluator.store.duckdb_export import DatasetFiles, write_portable
from evaluator.workspace.log import note
from evaluator.workspace.workspace import Workspace

Format = Literal["trec", "csv", "parquet", "duckdb"]

LISTS = 5000
"""Ranked lists read per database query: one query per variant would read the table thousands of times."""


def export(workspace: Workspace, experiment: ExperimentRow, format_: Format, folder: Path) -> list[Path]:
    """Write an experiment's results into a folder; returns the files written. Files of the same name are replaced.

    trec: `<variant>.run` and `qrels.txt`, which trec_eval and ir_measures read as they are. csv, parquet:
    `per_query.<format>` with one row per variant, query and measure. duckdb: `experiment.duckdb` with all of it (see
    `write_portable`). All files show the same state of the experiment.

    Raises:
        InvalidInputError: the folder cannot be written.
        UnknownNameError: the experiment was deleted in the meantime.
    """

    def read_and_write() -> list[Path]:
        now = experiments.experiment(workspace.database, experiment.id)
        match format_:
            case "trec":
                return _export_trec(workspace, now, folder)
            case "duckdb":
                return [_export_duckdb(workspace, now, folder)]
            case _:
                return [_export_scores(workspace, now, format_, folder)]

    try:
        folder.mkdir(parents=True, exist_ok=True)
        files = workspace.frozen(read_and_write)
    except OSError as error:
        if error.filename is not None and Path(error.filename).is_relative_to(workspace.store.url):
            raise
        raise _unwritable(folder, error) from error
    note(
        workspace,
        Deed.EXPORTED,
        f"{experiment.name} as {format_}",
        experiment_of(experiment.id),
        project=experiment.project,
    )
    return files


def export_file(workspace: Workspace, experiment: ExperimentRow, format_: Format, folder: Path) -> Path:
    """Write an experiment's results as one file into a folder: TREC files as a zip.

    Raises:
        InvalidInputError: the folder cannot be written.
    """
    files = export(workspace, experiment, format_, folder)
    if format_ != "trec":
        return files[0]
    path = folder / "runs.zip"
    try:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in files:
                archive.write(file, file.name)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return path


def _unwritable(folder: Path, error: OSError) -> InvalidInputError:
    return InvalidInputError(f"{folder} cannot be written: {error.strerror}; choose another place")


def strictly_descending(scores: Floats, lists: Ints | None = None) -> Floats:
    """The same scores without ties: a score that is not below the previous one becomes one float32 step less than it.

    Tools order tied documents differently (trec_eval by id, others by their order in the file), so they score a run
    with ties differently. Without ties every tool reads the list in our order.

    Args:
        scores: [n] float32, descending within each list.
        lists: [n] int64, ascending: the list that each score belongs to; one list by default.
    """
    # Each float as its number of float32 steps from 0: one step below is one less.
    bits = scores.view(np.int32).astype(np.int64)
    steps = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    # s'[i] = min(s[i], s'[i-1] - 1) is a running minimum of s[i] + i. Each list begins far below the previous one.
    places = np.arange(len(scores))
    low = places if lists is None else places - (lists << 34)
    lower = np.minimum.accumulate(steps + low) - low
    bits = np.where(lower < 0, -lower | 0x80000000, lower).astype(np.uint32)
    descending: Floats = np.where(lower == steps, scores, bits.view(np.float32))
    return descending


def _export_scores(workspace: Workspace, experiment: ExperimentRow, format_: str, folder: Path) -> Path:
    path = folder / f"per_query.{format_}"
    scratch = path.with_stem(".per_query.part")
    try:
        results.write_per_query(workspace.database, experiment.id, scratch)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
    return path


def _export_trec(workspace: Workspace, experiment: ExperimentRow, folder: Path) -> list[Path]:
    written: list[Path] = []
    names = [variant.name for variant in experiment.spec.variants]
    size = max(1, LISTS // max(experiment.n_queries, 1))
    for start in range(0, len(names), size):
        paths = {name: folder / f"{name}.run" for name in names[start : start + size]}
        with ExitStack() as files:
            opened = {name: files.enter_context(path.open("wb")) for name, path in paths.items()}
            for name, lists in results.rankings(workspace.database, experiment.id, list(paths)):
                opened[name].write(run_lines(lists, name.replace(" ", "_")))
        written += paths.values()
    dataset = StoredDataset.open(workspace.store, experiment.spec.dataset)
    path = folder / "qrels.txt"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for query_id, grades in dataset.qrels.items():
            file.writelines(f"{query_id} 0 {doc_id} {grade}\n" for doc_id, grade in grades.items())
    return [*written, path]


def run_lines(lists: pa.RecordBatch, tag: str) -> memoryview:
    """Ranked lists as the lines of a TREC run, in UTF-8.

    Args:
        lists: columns query_id, doc_ids, scores; one row per list, best document first.
    """
    n = pc.list_value_length(lists["doc_ids"]).to_numpy()
    rows = np.repeat(np.arange(len(n)), n)
    ranks = np.arange(len(rows)) - np.repeat(np.cumsum(n) - n, n) + 1
    scores = lists["scores"].flatten().to_numpy().astype(np.float32, copy=False)
    lines = pc.binary_join_element_wise(
        pc.take(lists["query_id"], pa.array(rows)),
        "Q0",
        lists["doc_ids"].flatten(),
        pc.cast(pa.array(ranks), pa.string()),
        # The shortest text that reads back as the same float32.
        pc.cast(pa.array(strictly_descending(scores, rows)), pa.string()),
        f"{tag}\n",
        " ",
    )
    if not len(lines):
        return memoryview(b"")
    # The lines of an Arrow array are contiguous in memory.
    _, ends, text = lines.buffers()
    return memoryview(text)[: np.frombuffer(ends, np.int32)[len(lines)]]


def _export_duckdb(workspace: Workspace, experiment: ExperimentRow, folder: Path) -> Path:
    """Write the DuckDB file; it appears only when complete."""
    path = folder / "experiment.duckdb"
    scratch = path.with_name(f".{path.name}.part")
    for leftover in path.parent.glob(f"{scratch.name}*"):  # from an export that was killed
        leftover.unlink()
    manifest = StoredDataset.open(workspace.store, experiment.spec.dataset).manifest
    artifacts = (corpus_artifact(manifest), queries_artifact(manifest), qrels_artifact(manifest))
    files = DatasetFiles(*map(workspace.store.local_path, artifacts))
    board = leaderboard(workspace, experiment)
    rows = [{"place": place, **record} for place, record in enumerate(board.records, 1)]
    about = {
        "experiment": experiment.id,
        "name": experiment.name,
        "status": experiment.status,
        "dataset": experiment.dataset,
        "dataset fingerprint": experiment.spec.dataset,
        "corpus fingerprint": experiment.spec.corpus,
        "queries fingerprint": experiment.spec.queries,
        "qrels fingerprint": experiment.spec.qrels,
        "measure of the leaderboard": board.measure,
        "queries compared": str(board.compared),
        "p corrected for": board.correction.words,
        "verdict": verdict(board),
        "decision": "none" if experiment.decision is None else decision_words(experiment.decision),
        "policy": str(experiment.spec.policy),
        "policy in words": POLICIES[experiment.spec.policy].strip(),
        "description": experiment_yaml(experiment),
        "exported at": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": __version__,
    }
    try:
        write_portable(workspace.database, experiment.id, files, about, pa.Table.from_pylist(rows), scratch)
        scratch.replace(path)
    finally:
        for leftover in path.parent.glob(f"{scratch.name}*"):  # and its write-ahead log after a failure
            leftover.unlink()
    return path
