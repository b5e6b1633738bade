"""The leaderboard: variants of one experiment, compared over the queries that all of them completed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evaluator.domain.measures import JUDGED, canonical_measures
from evaluator.errors import UnknownNameError
from evaluator.services.workspace import Workspace
from evaluator.store import results
from evaluator.store.catalog import ExperimentRow

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Leaderboard:
    """An experiment's variants, best first.

    Attributes:
        measure: what they are ordered by.
        rows: one a variant. Keys: variant, one a measure, Judged@10, ms_per_query, scored, unscored, failed,
            waiting, error. Values are None for variants without a scored query.
        compared: queries the means are taken over: those every listed variant completed and that have a relevant
            document.
    """

    experiment: ExperimentRow
    measure: str
    rows: tuple[dict[str, Any], ...]
    compared: int

    @property
    def table(self) -> pd.DataFrame:
        """The rows as a table, missing values as NaN."""
        import pandas as pd  # noqa: PLC0415  half a second, which the command line does not need

        return pd.DataFrame(list(self.rows))


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
    rows: list[dict[str, Any]] = []
    for counts in results.recorded_counts(workspace.database, experiment.id):
        mean = means.get(counts.variant)
        rows.append(
            {
                "variant": counts.variant,
                **{
                    name: mean.measures[name] if mean else None for name in dict.fromkeys((*measures, JUDGED))
                },
                "ms_per_query": mean.seconds * 1000 if mean else None,
                "scored": counts.scored,
                "unscored": counts.recorded - counts.failed - counts.scored,
                "failed": counts.failed,
                "waiting": experiment.n_queries - counts.recorded,
                "error": counts.error,
            }
        )
    rows.sort(key=lambda row: (row[chosen] is None, -(row[chosen] or 0.0)))
    compared = max((mean.queries for mean in means.values()), default=0)
    return Leaderboard(experiment, chosen, tuple(rows), compared)
