"""Rescoring: experiments over a dataset's version before follow to its next, if only judgments changed.

Their ranked lists stay what they were, and are shared: nothing is encoded, retrieved or copied. Of the scores, only
those of queries whose judgments changed are computed anew; a query's score depends on no other query.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cache

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import DatasetManifest, Qrels
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures.scoring import POLICY_VERSION, score_queries
from evaluator.store import registry
from evaluator.store.rescored import rankings_of, rescored_by, save_rescored
from evaluator.workspace.workspace import Workspace

BATCH = 200
"""Queries whose lists are held in memory at once."""


def rescore(workspace: Workspace, dataset: int, before: DatasetManifest, after: DatasetManifest) -> list[str]:
    """Rescore what finished over a dataset's version by the judgments of the next; returns the new experiments' ids.

    A new experiment has the id that its description has over that version, so that running it finds all done.
    Queries that failed stay failed. What ran under an older ranking policy is left alone: its lists may be in
    another order.

    Args:
        dataset: its id.
        before, after: the two versions.
    """
    if not after.differs_in_judgments_alone(before):
        return []

    @cache
    def qrels_of(fingerprint: str) -> Qrels:
        return StoredDataset.open(workspace.store, fingerprint).qrels

    @cache
    def changed_since(fingerprint: str) -> list[str]:
        return changed_queries(qrels_of(fingerprint), qrels_of(after.fingerprint))

    new = []
    for row in reversed(registry.experiments_over(workspace.database, dataset, before.fingerprint)):
        if row.status != "finished" or row.spec.policy != POLICY_VERSION:
            continue
        spec = dataclasses.replace(row.spec, dataset=after.fingerprint, qrels=after.qrels)
        # Not only what changed since the version before: a dataset may be imported again in between.
        changed = changed_since(rescored_by(workspace.database, row.id) or before.fingerprint)
        scores = _scores(workspace, row.spec, changed, qrels_of(after.fingerprint))
        if save_rescored(workspace.database, row.id, spec, scores):
            new.append(spec.id)
    return new


def changed_queries(before: Qrels, after: Qrels) -> list[str]:
    """Queries whose judgments are not the same."""
    return [
        query_id
        for query_id in dict.fromkeys((*before, *after))
        if before.get(query_id, {}) != after.get(query_id, {})
    ]


def _scores(
    workspace: Workspace, spec: ExperimentSpec, query_ids: Sequence[str], qrels: Qrels
) -> dict[tuple[str, str], dict[str, float]]:
    """Measures of an experiment's recorded lists, by variant and query id."""
    scores = {}
    for start in range(0, len(query_ids), BATCH):
        recorded = rankings_of(workspace.database, spec.id, query_ids[start : start + BATCH])
        for variant, rankings in recorded.items():
            for query_id, values in score_queries(rankings, qrels, spec.measures).items():
                scores[variant, query_id] = values
    return scores
