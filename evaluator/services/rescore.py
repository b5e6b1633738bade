"""Rescoring: experiments over a dataset's version before follow to its newest, if only judgments changed.

Their ranked lists stay what they were: nothing is encoded and nothing retrieved. Of the scores, only those of queries
whose judgments changed are computed anew; a query's score depends on no other query.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Qrels
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures import POLICY_VERSION, score_queries
from evaluator.services.workspace import Workspace
from evaluator.store import catalog
from evaluator.store.rescored import rankings_of, save_rescored

BATCH = 200
"""Queries whose lists are held in memory at once."""


def rescore(workspace: Workspace, dataset: int) -> list[str]:
    """Rescore what finished over a dataset's last version but one; returns the ids of the new experiments.

    Args:
        dataset: its id.

    A new experiment has the id that its description has over the newest version, so that running it finds all done.
    Queries that failed stay failed. What ran under an older ranking policy is left alone: its lists may be in
    another order.
    """
    known = catalog.versions(workspace.database, dataset)[:2]
    if len(known) < 2:
        return []
    after, before = (version.manifest for version in known)
    if not after.differs_in_judgments_alone(before):
        return []
    qrels = StoredDataset.open(workspace.store, after.fingerprint).qrels
    changed = changed_queries(StoredDataset.open(workspace.store, before.fingerprint).qrels, qrels)
    new = []
    for row in reversed(catalog.experiments(workspace.database)):  # in the order in which they were asked for
        if (row.dataset_id, row.spec.dataset, row.status) != (dataset, before.fingerprint, "finished"):
            continue
        if row.spec.policy != POLICY_VERSION:
            continue
        spec = dataclasses.replace(row.spec, dataset=after.fingerprint, qrels=after.qrels)
        if save_rescored(workspace.database, row.id, spec, _scores(workspace, row.spec, changed, qrels)):
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
