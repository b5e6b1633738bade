"""The leaderboard: variants of one experiment, compared over the queries that all of them completed."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evaluator.domain.measures import JUDGED, canonical_measures
from evaluator.errors import UnknownNameError
from evaluator.services.workspace import Workspace
from evaluator.store import results
from evaluator.store.catalog import ExperimentRow


@dataclass(frozen=True)
class Leaderboard:
    """An experiment's variants, best first.

    Attributes:
        measure: what they are ordered by.
        table: one row a variant. Columns: variant, one a measure, Judged@10, ms_per_query, scored, unscored,
            failed, waiting, error. Values are missing for variants without a scored query.
        compared: queries the means are taken over: those every listed variant completed and that have a relevant
            document.
    """

    experiment: ExperimentRow
    measure: str
    table: pd.DataFrame
    compared: int


def leaderboard(workspace: Workspace, experiment: ExperimentRow, measure: str | None = None) -> Leaderboard:
    """An experiment's leaderboard by a measure (its first, by default).

    Raises:
        InvalidInputError: it is no measure.
        UnknownNameError: the experiment did not compute it; lists those it did.
    """
    measures = experiment.spec.measures
    chosen = canonical_measures([measure])[0] if measure else measures[0]
    if chosen not in measures:
        raise UnknownNameError(
            f"the experiment {experiment.name!r} did not compute {chosen}; it computed {', '.join(measures)}"
        )
    means = results.mean_measures(workspace.database, experiment.id, (*measures, JUDGED))
    counts = pd.DataFrame(results.recorded_counts(workspace.database, experiment.id))
    table = counts.merge(means, on="variant", how="left")
    table["unscored"] = table["recorded"] - table["failed"] - table["scored"]
    table["waiting"] = experiment.n_queries - table["recorded"]
    table["ms_per_query"] = table["seconds"] * 1000
    columns = ["variant", *dict.fromkeys((*measures, JUDGED)), "ms_per_query", "scored", "unscored", "failed"]
    table = table[[*columns, "waiting", "error"]]
    table = table.sort_values(chosen, ascending=False, na_position="last", kind="stable", ignore_index=True)
    compared = 0 if means.empty else int(means["compared"].iloc[0])
    return Leaderboard(experiment, chosen, table, compared)
