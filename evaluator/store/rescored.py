"""SQL over runs: ranked lists that an experiment has of its own, or shares with those of other judgments (ADR 0029)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast

import pyarrow as pa
from duckdb import DuckDBPyConnection

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.ranking import Ranking
from evaluator.store.file.database import Database
from evaluator.store.revisions import revise
from evaluator.store.steps import Step, note_follower

CHANGED_SCHEMA = pa.schema(
    [
        ("variant", pa.string()),
        ("query_id", pa.string()),
        ("measures", pa.map_(pa.string(), pa.float64())),
    ]
)

OWN = """(
    SELECT variant, query_id, doc_ids, scores, measures, seconds, error, recorded_at
    FROM results WHERE experiment = $run
)"""
SHARED = """(
    SELECT r.variant, r.query_id, r.doc_ids, r.scores, coalesce(s.measures, r.measures) AS measures, r.seconds,
           r.error, r.recorded_at
    FROM results r LEFT JOIN (
        SELECT variant, query_id, arg_max(measures, place) AS measures FROM rescored
        WHERE run = $run AND place <= $place GROUP BY variant, query_id
    ) s USING (variant, query_id)
    WHERE r.experiment = $run
)"""


class Recorded(NamedTuple):
    """Where an experiment's rows are.

    Attributes:
        run: whose rows they are, in the tables `results`, `variants` and `variant_costs`.
        rows: SQL that stands for the rows of `results`, with the experiment's own scores.
        given: the parameters of `rows`, `$run` among them.
    """

    run: str
    rows: str
    given: dict[str, object]


def recorded(database: Database, experiment: str) -> Recorded:
    """Where an experiment's rows are: its own, or those of the run that it shares."""
    row = database.cursor.execute(
        "SELECT run, place FROM experiments WHERE id = ? AND run IS NOT NULL", [experiment]
    ).fetchone()
    if row is None:
        return Recorded(experiment, OWN, {"run": experiment})
    run, place = row
    return Recorded(run, SHARED, {"run": run, "place": place})


def rankings_of(
    database: Database, experiment: str, query_ids: Sequence[str]
) -> dict[str, dict[str, Ranking]]:
    """The recorded lists of some queries, by variant, then query id; failed ones are left out."""
    rows = database.cursor.execute(
        """
        SELECT variant, query_id, doc_ids, scores FROM results
        WHERE experiment = ? AND error IS NULL AND query_id IN (SELECT unnest(?))
        """,
        [recorded(database, experiment).run, list(query_ids)],
    ).fetchall()
    rankings: dict[str, dict[str, Ranking]] = {}
    for variant, query_id, doc_ids, scores in rows:
        rankings.setdefault(variant, {})[query_id] = Ranking(tuple(doc_ids), tuple(scores))
    return rankings


def rescored_by(database: Database, experiment: str) -> str | None:
    """Fingerprint of the dataset by whose judgments an experiment's run was rescored last; None if it never was."""
    row = database.cursor.execute(
        "SELECT arg_max(dataset, place) FROM rescorings WHERE run = ?", [recorded(database, experiment).run]
    ).fetchone()
    return None if row is None else cast("str | None", row[0])


def save_rescored(
    database: Database,
    step: Step,
    source: str,
    spec: ExperimentSpec,
    changed: Mapping[tuple[str, str], Mapping[str, float]],
) -> bool:
    """Record the experiment that a finished one becomes by other judgments, in one transaction; lists are shared.

    Args:
        step: the edit that it follows, which is noted, too.
        source: the finished experiment's id.
        spec: the new one's; it differs from the other in its judgments alone.
        changed: measures by variant and query id, of the queries whose judgments are others than those by which the
            run was rescored last (`rescored_by`), or was made.

    Returns:
        whether there is a new experiment: not if one of that id was there, or the source is no longer finished.
    """
    batch = pa.table(
        {
            "variant": [variant for variant, _ in changed],
            "query_id": [query_id for _, query_id in changed],
            "measures": [list(measures.items()) for measures in changed.values()],
        },
        schema=CHANGED_SCHEMA,
    )
    with database.transaction() as cursor:
        row = cursor.execute(
            """
            SELECT coalesce(e.run, e.id), (
                SELECT max(o.place) + 1 FROM experiments o WHERE coalesce(o.run, o.id) = coalesce(e.run, e.id)
            ), (SELECT max(s.place) + 1 FROM rescorings s WHERE s.run = coalesce(e.run, e.id))
            FROM experiments e WHERE e.id = ? AND e.status = 'finished'
            """,
            [source],
        ).fetchone()
        if row is None:
            return False
        run, place = str(row[0]), max(int(number or 0) for number in row[1:])
        note_follower(cursor, step, source)
        ids = {"source": source, "id": spec.id, "run": run, "place": place}
        new = cursor.execute(
            """
            INSERT INTO experiments
                (id, name, dataset, spec, n_queries, status, finished_at, attempt, run, place)
            SELECT $id, name, dataset, $spec, n_queries, status, utc_now(), nextval('attempts'), $run, $place
            FROM experiments WHERE id = $source
            ON CONFLICT DO NOTHING RETURNING id
            """,
            {**ids, "spec": json.dumps(spec.to_json())},
        ).fetchall()
        cursor.execute("INSERT INTO submissions (experiment) VALUES (?)", [spec.id])
        if not new:  # these judgments were there before: of its run it is the newest again
            cursor.execute(
                "UPDATE experiments SET place = $place WHERE id = $id AND coalesce(run, id) = $run AND run IS NULL",
                {"id": spec.id, "run": run, "place": place},
            )
            return False
        cursor.execute(
            "INSERT INTO rescorings (run, place, dataset) VALUES (?, ?, ?)", [run, place, spec.dataset]
        )
        cursor.register("changed", batch)
        # Of queries that failed, too: should a list come late, it has no score rather than one by other judgments.
        cursor.execute(
            """
            INSERT INTO rescored (run, place, variant, query_id, measures)
            SELECT $run, $place, r.variant, r.query_id, coalesce(c.measures, MAP {}::MAP(VARCHAR, DOUBLE))
            FROM results r LEFT JOIN changed c USING (variant, query_id)
            WHERE r.experiment = $run AND r.query_id IN (SELECT query_id FROM changed)
            """,
            {"run": run, "place": place},
        )
        cursor.unregister("changed")
        revise(cursor, [spec.id])
    return True


def part(cursor: DuckDBPyConnection, experiment: str) -> None:
    """Give an experiment rows that no other shares, before they change or go, in the transaction that does it."""
    row = cursor.execute("SELECT run, place, attempt FROM experiments WHERE id = ?", [experiment]).fetchone()
    if row is None:
        return
    run, place, attempt = row
    if run is not None:
        _copy(cursor, SHARED, {"run": run, "place": place}, experiment)
        cursor.execute("UPDATE experiments SET run = NULL, place = 0 WHERE id = ?", [experiment])
        drop_unused(cursor, run)
    elif cursor.execute("SELECT 1 FROM experiments WHERE run = ?", [experiment]).fetchone():
        kept_id = f"{experiment}.{attempt}"  # no experiment's id has a dot
        _copy(cursor, OWN, {"run": experiment}, kept_id)
        for table in ("experiments", "rescored", "rescorings"):
            cursor.execute(f"UPDATE {table} SET run = ? WHERE run = ?", [kept_id, experiment])  # noqa: S608  constants
        cursor.execute("UPDATE experiments SET place = 0 WHERE id = ?", [experiment])


def drop_unused(cursor: DuckDBPyConnection, run: str) -> None:
    """Drop the rows of a run that no experiment has any more."""
    if cursor.execute("SELECT 1 FROM experiments WHERE id = $run OR run = $run", {"run": run}).fetchone():
        return
    for table in ("results", "variants", "variant_costs"):
        cursor.execute(f"DELETE FROM {table} WHERE experiment = ?", [run])  # noqa: S608  constants
    for table in ("rescored", "rescorings"):
        cursor.execute(f"DELETE FROM {table} WHERE run = ?", [run])  # noqa: S608  constants


def _copy(cursor: DuckDBPyConnection, rows: str, given: Mapping[str, object], to: str) -> None:
    """Copy a run's rows, scores as `rows` has them."""
    names = {"to": to, "run": given["run"]}
    cursor.execute(
        f"""
        INSERT INTO results (experiment, variant, query_id, doc_ids, scores, measures, seconds, error, recorded_at)
        SELECT $to, variant, query_id, doc_ids, scores, measures, seconds, error, recorded_at FROM {rows}
        """,  # noqa: S608  a constant
        {**given, "to": to},
    )
    cursor.execute(
        """
        INSERT INTO variants (experiment, name, position, fingerprint, pipeline, error)
        SELECT $to, name, position, fingerprint, pipeline, error FROM variants WHERE experiment = $run
        """,
        names,
    )
    cursor.execute(
        """
        INSERT INTO variant_costs (experiment, variant, cost, error, measured_at)
        SELECT $to, variant, cost, error, measured_at FROM variant_costs WHERE experiment = $run
        """,
        names,
    )
