"""Exports: runs and qrels as TREC files, per-query measures as CSV or Parquet."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.ranking import Floats
from evaluator.services.workspace import Workspace
from evaluator.store import results
from evaluator.store.catalog import ExperimentRow

Format = Literal["trec", "csv", "parquet"]


def export(workspace: Workspace, experiment: ExperimentRow, format_: Format, folder: Path) -> list[Path]:
    """Write an experiment's results into a folder; returns the files written.

    trec: `<variant>.run` and `qrels.txt`, which trec_eval and ir_measures read as they are. csv, parquet:
    `per_query.<format>` with one row a variant, query and measure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if format_ == "trec":
        return _export_trec(workspace, experiment, folder)
    path = folder / f"per_query.{format_}"
    table = results.per_query(workspace.database, experiment.id)
    if format_ == "csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)
    return [path]


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
