"""Records of experiments and plans, as plain JSON types: the API's and the command line's `--json` are the same."""

from __future__ import annotations

import dataclasses
from typing import Any

from evaluator.domain.records import ExperimentRow
from evaluator.domain.teamwork.wording import decision_record
from evaluator.experiments.plan import Plan
from evaluator.library.word_use import word_use_record
from evaluator.workspace.server_paths import without_paths


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
        "decision": None if row.decision is None else decision_record(row.decision),
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
        "words": [word_use_record(use) for use in plan.words],
        "tokens": plan.tokens,
        "seconds": plan.seconds,
        "measured": plan.measured,
        "usd": plan.usd,
        "memory": plan.memory,
        "shared": list(plan.shared),
    }
