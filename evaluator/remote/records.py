"""Records of what services answer, as plain JSON types: the API's and the command line's `--json` are the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from evaluator.analysis.history import History
from evaluator.analysis.leaderboard import Leaderboard
from evaluator.domain.names import without_folder
from evaluator.experiments.plan import Plan
from evaluator.jobs.results.dead_letters import DeadLetter, DeadLetterCounts
from evaluator.operations.vector_storage import EncoderVectors
from evaluator.store.registry import DatasetRow, DatasetVersion, ExperimentRow
from evaluator.workspace.server_paths import without_paths


def dataset_record(row: DatasetRow, *, local: bool = False) -> dict[str, Any]:
    """A dataset.

    Args:
        local: whether it stays on this machine, so that it may say where on it the dataset came from.
    """
    manifest = row.manifest
    return {
        "name": row.name,
        "description": row.description,
        "tags": list(row.tags),
        "version": row.version,
        "fingerprint": manifest.fingerprint,
        "parts": {"corpus": manifest.corpus, "queries": manifest.queries, "qrels": manifest.qrels},
        "exclude_self": manifest.exclude_self,
        "documents": manifest.n_documents,
        "queries": manifest.n_queries,
        "judgments": manifest.n_judgments,
        "source": row.source if local else without_folder(row.source),
        "imported_at": row.imported_at.isoformat(),
        "runs": [run.name for run in manifest.runs],
        "notes": [
            {"code": note.code, "count": note.count, "message": note.message} for note in manifest.notes
        ],
    }


def dataset_details(
    row: DatasetRow,
    versions: Sequence[DatasetVersion],
    used_by: Sequence[ExperimentRow],
    siblings: Sequence[DatasetRow],
    *,
    local: bool = False,
) -> dict[str, Any]:
    """A dataset with its history and its relations; `local` as for `dataset_record`."""
    return {
        **dataset_record(row, local=local),
        "versions": [
            {
                "version": version.version,
                "fingerprint": version.manifest.fingerprint,
                "change": version.change,
                "source": version.source if local else without_folder(version.source),
                "created_at": version.created_at.isoformat(),
            }
            for version in versions
        ],
        "used_by": [{"id": experiment.id, "name": experiment.name} for experiment in used_by],
        "siblings": [sibling.name for sibling in siblings],
    }


def vectors_record(row: EncoderVectors) -> dict[str, Any]:
    """What is kept of an encoder."""
    return {**dataclasses.asdict(row), "used_at": row.used_at.isoformat() if row.used_at else None}


def dead_letters_record(counts: DeadLetterCounts, letters: Sequence[DeadLetter]) -> dict[str, Any]:
    """Results that could not be recorded: how many, and those that are kept."""
    return {
        **dataclasses.asdict(counts),
        "dead_letters": [{**dataclasses.asdict(letter), "at": letter.at.isoformat()} for letter in letters],
    }


def experiment_record(row: ExperimentRow) -> dict[str, Any]:
    """An experiment."""
    return {
        "id": row.id,
        "name": row.name,
        "dataset": row.dataset,
        "status": row.status,
        "reason": row.reason and without_paths(row.reason),
        "variants": [variant.name for variant in row.spec.variants],
        "measures": list(row.spec.measures),
        "queries": row.n_queries,
        "started_at": row.started_at.isoformat(),
        "finished_at": row.finished_at.isoformat() if row.finished_at else None,
    }


def leaderboard_record(board: Leaderboard) -> dict[str, Any]:
    """A leaderboard."""
    return {
        "experiment": experiment_record(board.experiment),
        "measure": board.measure,
        "policy": board.experiment.spec.policy,
        "compared": board.compared,
        "uncomputed": dict(board.uncomputed),
        "baseline": board.baseline,
        "reference": board.reference,
        "corrected_for": board.correction.words,
        "variants": list(board.records),
    }


def history_record(found: History) -> dict[str, Any]:
    """A dataset's history."""
    return {
        "dataset": found.dataset,
        "measure": found.measure,
        "left_out": found.left_out,
        "points": [
            {
                "at": point.at.isoformat(),
                "experiment": point.experiment.id,
                "name": point.experiment.name,
                "version": point.version,
                "variant": point.variant,
                "score": point.score,
                "low": point.low,
                "high": point.high,
                "step": None if point.step is None else dataclasses.asdict(point.step),
                "standing": point in found.standing,
            }
            for point in found.points
        ],
    }


def plan_record(plan: Plan) -> dict[str, Any]:
    """A plan, with its sums: seconds, bytes, and USD where something has a price."""
    return {
        **dataclasses.asdict(plan),
        "variants": list(plan.variants),
        "encodings": [{**dataclasses.asdict(part), "to_encode": part.to_encode} for part in plan.encodings],
        "reranking": [dataclasses.asdict(part) for part in plan.reranking],
        "searches": [
            {"name": search.name, "depth": search.depth, "variants": list(search.variants)}
            for search in plan.searches
        ],
        "tokens": plan.tokens,
        "seconds": plan.seconds,
        "measured": plan.measured,
        "usd": plan.usd,
        "memory": plan.memory,
        "shared": list(plan.shared),
    }
