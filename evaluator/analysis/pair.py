"""The comparison of two variants, read from one state of the experiment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evaluator.analysis.overlap import Overlap, overlap
from evaluator.analysis.pairwise import Pair, compare, paired_table
from evaluator.analysis.snapshot import Snapshot, read_snapshot
from evaluator.library.query_facts import query_facts
from evaluator.store import results
from evaluator.workspace.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class PairLook:
    """Two variants as they were at one moment.

    Attributes:
        pair: None if there is no query to compare.
        lists: the overlap of their lists.
        failed: queries that failed under one or both of them. Columns: variant, query_id, error.
    """

    snapshot: Snapshot
    pair: Pair | None
    lists: Overlap
    failed: pd.DataFrame


def look_at_pair(
    workspace: Workspace, experiment: str, measure: str, a: str, b: str, baseline: str | None = None
) -> PairLook:
    """Compare two variants of an experiment as recorded now.

    Args:
        experiment: its id.
        baseline: the variant chosen beforehand; used only if it is one of the two.

    Raises:
        UnknownNameError: there is no such experiment or variant, or both variants are the same.
    """

    def look() -> PairLook:
        snapshot = read_snapshot(workspace, experiment)
        failed = results.failures(workspace.database, experiment)
        return PairLook(
            snapshot,
            compare(snapshot, measure, a, b, baseline),
            overlap(workspace, snapshot, a, b),
            failed[failed["variant"].isin((a, b))].reset_index(drop=True),
        )

    return workspace.frozen(look)


def pair_table(workspace: Workspace, look: PairLook, pair: Pair) -> pd.DataFrame:
    """One row per query; see `paired_table`.

    Raises:
        UnknownNameError: the experiment's dataset is no longer stored.
    """
    return paired_table(pair, query_facts(workspace, look.snapshot.experiment), look.lists)
