"""Rescoring: if only judgments changed, experiments over a dataset's previous version are rescored for the next.

The rescored experiments share the ranked lists of the originals: nothing is encoded, retrieved or copied. Scores are
computed again only for queries whose judgments changed, because a query's score depends on no other query.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import Qrels
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures.scoring import POLICY_VERSION, score_queries
from evaluator.domain.records import ExperimentRow
from evaluator.store import experiments
from evaluator.store.rescored import rankings_of, rescored_by, save_rescored
from evaluator.store.steps import Step, followers
from evaluator.workspace.workspace import Workspace

BATCH = 200
"""Maximum queries whose lists are in memory at once."""


@dataclass(eq=False)
class Rescoring:
    """Rescores finished experiments over a dataset's version by the judgments of the next; judgments are read once.

    A rescored experiment has the id of the same experiment over the next version, so that running it again finds all
    results. Failed queries stay failed. Experiments with an older ranking policy are skipped: their lists may be in
    another order.

    Args:
        workspace: the workspace.
        step: the step from one version to the next.

    Attributes:
        followed: ids of the experiments that this object has rescored.
    """

    workspace: Workspace
    step: Step
    followed: list[str] = field(default_factory=list)
    _changed: dict[str, list[str]] = field(default_factory=dict)

    def waiting(self) -> list[ExperimentRow]:
        """Experiments that are not rescored yet, in the order of submission."""
        dataset, _, before, after = self.step
        if not after.differs_in_judgments_alone(before):
            return []
        done = followers(self.workspace.database, self.step)
        rows = experiments.experiments_over(self.workspace.database, dataset, before.fingerprint)
        return [
            row
            for row in reversed(rows)
            if row.status == "finished" and row.spec.policy == POLICY_VERSION and row.id not in done
        ]

    def follow(self, row: ExperimentRow) -> None:
        """Rescore an experiment, unless it was deleted or started again in the meantime."""
        after = self.step.after
        spec = dataclasses.replace(row.spec, dataset=after.fingerprint, qrels=after.qrels)
        # Not always the previous version: the dataset may have been imported again since the experiment was scored.
        last = rescored_by(self.workspace.database, row.id) or self.step.before.fingerprint
        if last not in self._changed:
            self._changed[last] = changed_queries(self._qrels_of(last), self._qrels)
        scores = _scores(self.workspace, row.spec, self._changed[last], self._qrels)
        save_rescored(self.workspace.database, self.step, row.id, spec, scores)
        self.followed.append(row.id)

    @cached_property
    def _qrels(self) -> Qrels:
        return self._qrels_of(self.step.after.fingerprint)

    def _qrels_of(self, fingerprint: str) -> Qrels:
        return StoredDataset.open(self.workspace.store, fingerprint).qrels


def changed_queries(before: Qrels, after: Qrels) -> list[str]:
    """Queries whose judgments differ."""
    return [
        query_id
        for query_id in dict.fromkeys((*before, *after))
        if before.get(query_id, {}) != after.get(query_id, {})
    ]


def _scores(
    workspace: Workspace, spec: ExperimentSpec, query_ids: Sequence[str], qrels: Qrels
) -> dict[tuple[str, str], dict[str, float]]:
    """Scores of an experiment's recorded lists, by variant and query id."""
    scores = {}
    for start in range(0, len(query_ids), BATCH):
        recorded = rankings_of(workspace.database, spec.id, query_ids[start : start + BATCH])
        for variant, rankings in recorded.items():
            for query_id, values in score_queries(rankings, qrels, spec.measures).items():
                scores[variant, query_id] = values
    return scores
