"""Rescoring: experiments over a dataset's version before follow to its next, if only judgments changed.

Their ranked lists stay what they were, and are shared: nothing is encoded, retrieved or copied. Of the scores, only
those of queries whose judgments changed are computed again; a query's score depends on no other query.
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
"""Queries whose lists are held in memory at once."""


@dataclass(eq=False)
class Rescoring:
    """Rescores what finished over a dataset's version by the judgments of the next; judgments are read once.

    A new experiment has the id that its description has over that version, so that running it finds all done.
    Queries that failed stay failed. What ran under an older ranking policy is left alone: its lists may be in
    another order.

    Args:
        step: from the one version to the other.

    Attributes:
        followed: ids of experiments that are done with here.
    """

    workspace: Workspace
    step: Step
    followed: list[str] = field(default_factory=list)
    _changed: dict[str, list[str]] = field(default_factory=dict)

    def waiting(self) -> list[ExperimentRow]:
        """Experiments that have not followed yet, the first submitted at first."""
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
        """Let an experiment follow, unless it was deleted or is run again meanwhile."""
        after = self.step.after
        spec = dataclasses.replace(row.spec, dataset=after.fingerprint, qrels=after.qrels)
        # Not only what changed since the version before: a dataset may be imported again in between.
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
