"""SQL over what variants cost."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from duckdb import DuckDBPyConnection

from evaluator.domain.cost import VariantCost
from evaluator.domain.result import VariantMeasured
from evaluator.store.file.database import Database
from evaluator.store.rescored import recorded


def insert_cost(cursor: DuckDBPyConnection, measured: VariantMeasured) -> None:
    """Record what a variant costs, for all experiments of its run; the last measurement counts."""
    cost = None if measured.cost is None else json.dumps(measured.cost.to_json())
    cursor.execute(
        """
        INSERT INTO variant_costs (experiment, variant, cost, error)
        SELECT v.experiment, v.name, $cost, $error
        FROM experiments e JOIN variants v ON v.experiment = coalesce(e.run, e.id)
        WHERE e.id = $experiment AND v.name = $variant
        ON CONFLICT DO UPDATE SET cost = excluded.cost, error = excluded.error, measured_at = utc_now()
        """,
        {
            "experiment": measured.experiment,
            "variant": measured.variant,
            "cost": cost,
            "error": measured.error,
        },
    )


def save_costs(database: Database, measured: Iterable[VariantMeasured]) -> None:
    """Record what several variants cost, in one transaction."""
    measured = list(measured)
    if not measured:
        return  # an empty transaction would also begin a new state, and drop what was read before
    with database.transaction() as cursor:
        for one in measured:
            insert_cost(cursor, one)


def costs(database: Database, experiment: str) -> dict[str, VariantCost | None]:
    """What an experiment's variants cost, by name; None where measuring failed; unmeasured variants are absent."""
    return dict(database.remember(("costs", experiment), lambda: _costs(database, experiment)))


def _costs(database: Database, experiment: str) -> dict[str, VariantCost | None]:
    rows = database.cursor.execute(
        "SELECT variant, cost FROM variant_costs WHERE experiment = ?", [recorded(database, experiment).run]
    ).fetchall()
    return {name: _cost(text) for name, text in rows}


def every_cost(database: Database) -> Mapping[str, Mapping[str, VariantCost | None]]:
    """What all measured variants cost, by run and name."""
    return database.remember("costs", lambda: _every_cost(database))


def _every_cost(database: Database) -> dict[str, dict[str, VariantCost | None]]:
    costs: dict[str, dict[str, VariantCost | None]] = {}
    rows = database.cursor.execute("SELECT experiment, variant, cost FROM variant_costs").fetchall()
    for run, name, text in rows:
        costs.setdefault(run, {})[name] = _cost(text)
    return costs


def _cost(text: str | None) -> VariantCost | None:
    return None if text is None else VariantCost.from_json(json.loads(text))


def unmeasured(database: Database, only: str | None = None) -> dict[str, list[str]]:
    """Unmeasured variants, in order, by one finished experiment of their run.

    A run is measured as long as one of its experiments exists.

    Args:
        only: this experiment's id; all by default.
    """
    rows = database.cursor.execute(
        """
        SELECT e.id, v.name
        FROM (
            SELECT coalesce(run, id) AS run, arg_min(id, place) AS id, min(started_at) AS started_at
            FROM experiments WHERE status = 'finished' AND ($only IS NULL OR id = $only)
            GROUP BY coalesce(run, id)
        ) e JOIN variants v ON v.experiment = e.run
        WHERE v.error IS NULL
          AND NOT EXISTS (FROM variant_costs c WHERE c.experiment = v.experiment AND c.variant = v.name)
        ORDER BY e.started_at, e.id, v.position
        """,
        {"only": only},
    ).fetchall()
    names: dict[str, list[str]] = {}
    for experiment, name in rows:
        names.setdefault(experiment, []).append(name)
    return names
