"""Exports: runs and qrels as TREC files, per-query measures as CSV or Parquet, all of it as one DuckDB file."""

from __future__ import annotations

import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa

from evaluator import __version__
from evaluator.datasets.layout import corpus_artifact, qrels_artifact, queries_artifact
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.policy import POLICIES
from evaluator.domain.ranking import Floats
from evaluator.errors import InvalidInputError
from evaluator.services.leaderboard import leaderboard
from evaluator.services.overview import experiment_yaml
from evaluator.services.verdict import verdict
from evaluator.services.workspace import Workspace
from evaluator.store import catalog, results
from evaluator.store.catalog import ExperimentRow
from evaluator.store.portable import DatasetFiles, write_portable

Format = Literal["trec", "csv", "parquet", "duckdb"]


def export(workspace: Workspace, experiment: ExperimentRow, format_: Format, folder: Path) -> list[Path]:
    """Write an experiment's results into a folder; returns the files written. Files of the same name are replaced.

    trec: `<variant>.run` and `qrels.txt`, which trec_eval and ir_measures read as they are. csv, parquet:
    `per_query.<format>` with one row a variant, query and measure. duckdb: `experiment.duckdb` with all of it (see
    `write_portable`). All of it is one state of the experiment.

    Raises:
        InvalidInputError: the folder cannot be written.
        UnknownNameError: the experiment was deleted meanwhile.
    """

    def look() -> list[Path]:
        now = catalog.experiment(workspace.database, experiment.id)
        match format_:
            case "trec":
                return _export_trec(workspace, now, folder)
            case "duckdb":
                return [_export_duckdb(workspace, now, folder)]
            case _:
                return [_export_scores(workspace, now, format_, folder)]

    try:
        folder.mkdir(parents=True, exist_ok=True)
        return workspace.frozen(look)
    except OSError as error:
        raise _unwritable(folder, error) from error


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


def strictly_descending(scores: Floats) -> Floats:
    """Scores in the same order without ties: each that is not below the one before is put one float32 step below it.

    Tools order tied documents differently (trec_eval by id, others as they stand in the file), so that a run with
    ties gets other values from each. In this form all read the list in our order.

    Args:
        scores: [n] float32, descending.
    """
    descending = scores.copy()
    for place in range(1, len(descending)):
        below = np.nextafter(descending[place - 1], np.float32(-np.inf))
        descending[place] = min(descending[place], below)
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
    written = []
    for variant in experiment.spec.variants:
        tag = variant.name.replace(" ", "_")
        path = folder / f"{variant.name}.run"
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for query_id, doc_ids, scores in results.rankings(
                workspace.database, experiment.id, variant.name
            ):
                descending = strictly_descending(np.asarray(scores, dtype=np.float32))
                for place, (doc_id, score) in enumerate(zip(doc_ids, descending, strict=True), start=1):
                    # The shortest text that reads back as the same float32.
                    file.write(f"{query_id} Q0 {doc_id} {place} {score!s} {tag}\n")
        written.append(path)
    dataset = StoredDataset.open(workspace.store, experiment.spec.dataset)
    path = folder / "qrels.txt"
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for query_id, grades in dataset.qrels.items():
            file.writelines(f"{query_id} 0 {doc_id} {grade}\n" for doc_id, grade in grades.items())
    return [*written, path]


def _export_duckdb(workspace: Workspace, experiment: ExperimentRow, folder: Path) -> Path:
    """The file appears once it is whole."""
    path = folder / "experiment.duckdb"
    scratch = path.with_name(f".{path.name}.part")
    for left in path.parent.glob(f"{scratch.name}*"):  # of an export that was killed
        left.unlink()
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
        for left in path.parent.glob(f"{scratch.name}*"):  # and its log, if it did not end well
            left.unlink()
    return path
