"""The leaderboard: variants of one experiment, compared over the queries that all of them completed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evaluator.domain.cost import PERCENTILES, VariantCost
from evaluator.domain.measures import JUDGED, canonical_measures
from evaluator.errors import UnknownNameError
from evaluator.services.workspace import Workspace
from evaluator.store import results
from evaluator.store.catalog import ExperimentRow
from evaluator.store.costs import costs as costs_of

if TYPE_CHECKING:
    import pandas as pd


COST_COLUMNS = (
    *(f"p{p}_ms" for p in PERCENTILES),
    "queries_per_second", "index_bytes", "vector_bytes", "encode_seconds", "usd", "usd_per_million_queries",
)  # fmt: skip
"""What a row says about a variant's cost; see `VariantCost`."""


@dataclass(frozen=True)
class Leaderboard:
    """An experiment's variants, best first.

    Attributes:
        measure: what they are ordered by.
        rows: one a variant. Keys: variant, one a measure, Judged@10, ms_per_query, scored, unscored, failed,
            waiting, error; p50_ms, p95_ms, p99_ms, queries_per_second, index_bytes, vector_bytes, encode_seconds,
            usd and usd_per_million_queries. Values are None where they are not known.
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
    costs = costs_of(workspace.database, experiment.id)
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
                **_cost_columns(costs.get(counts.variant)),
            }
        )
    rows.sort(key=lambda row: (row[chosen] is None, -(row[chosen] or 0.0)))
    compared = max((mean.queries for mean in means.values()), default=0)
    return Leaderboard(experiment, chosen, tuple(rows), compared)


def _cost_columns(cost: VariantCost | None) -> dict[str, float | None]:
    columns: dict[str, float | None] = dict.fromkeys(COST_COLUMNS)
    if cost is None:
        return columns
    if cost.total is not None:
        columns |= {f"p{p}_ms": 1000 * getattr(cost.total, f"p{p}") for p in PERCENTILES}
    return columns | {name: getattr(cost, name) for name in COST_COLUMNS if not name.endswith("_ms")}
