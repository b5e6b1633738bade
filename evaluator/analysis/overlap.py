"""The overlap of two variants' lists: which documents they share, and in what order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from evaluator.analysis.snapshot import Snapshot
from evaluator.domain.ranking import Doubles
from evaluator.domain.statistics.similarity import jaccard, rank_biased_overlap, rank_correlation
from evaluator.store.common import common_documents
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

DEPTH: Final = 100
"""Documents of each list that are compared."""

OVERLAP = Kind("overlap")


@dataclass(frozen=True, eq=False)
class Overlap:
    """The lists of two variants, for each query that both completed.

    Attributes:
        query_ids: sorted.
        jaccard_10, jaccard_100: [n_queries] float64, Jaccard index of the first 10 and 100 documents.
        rbo: [n_queries] float64, rank-biased overlap.
        tau: [n_queries] float64, Kendall's tau over the shared documents; NaN where there are fewer than two.
    """

    query_ids: tuple[str, ...]
    jaccard_10: Doubles
    jaccard_100: Doubles
    rbo: Doubles
    tau: Doubles

    @cached_property
    def places(self) -> dict[str, int]:
        """Each query's position in `query_ids`, by its id."""
        return {query_id: place for place, query_id in enumerate(self.query_ids)}

    @property
    def mean_tau(self) -> float | None:
        """Mean tau over the queries that have one; None if no query has."""
        return None if np.isnan(self.tau).all() else float(np.nanmean(self.tau))


def overlap(workspace: Workspace, snapshot: Snapshot, a: str, b: str) -> Overlap:
    """Compare two variants' lists; queries that one of the variants has not completed are left out.

    A snapshot does not hold lists, which are too large: call this in the `Workspace.frozen` that read the snapshot.
    """
    return snapshot.remember(OVERLAP, (a, b), lambda: _overlap(workspace, snapshot, a, b))


def _overlap(workspace: Workspace, snapshot: Snapshot, a: str, b: str) -> Overlap:
    query_ids, common = common_documents(workspace.database, snapshot.experiment.id, a, b, DEPTH)
    return Overlap(
        query_ids,
        jaccard(common, 10),
        jaccard(common, DEPTH),
        rank_biased_overlap(common),
        rank_correlation(common),
    )
