"""SQL that makes a finished experiment's rows those of the same experiment under other judgments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pyarrow as pa

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.ranking import Ranking
from evaluator.store.database import Database
from evaluator.store.revisions import revise

CHANGED_SCHEMA = pa.schema(
    [
        ("variant", pa.string()),
        ("query_id", pa.string()),
        ("measures", pa.map_(pa.string(), pa.float64())),
    ]
)


def rankings_of(
    database: Database, experiment: str, query_ids: Sequence[str]
) -> dict[str, dict[str, Ranking]]:
    """The recorded lists of some queries, by variant, then query id; failed ones are left out."""
    rows = database.cursor.execute(
        """
        SELECT variant, query_id, doc_ids, scores FROM results
        WHERE experiment = ? AND error IS NULL AND query_id IN (SELECT unnest(?))
        """,
        [experiment, list(query_ids)],
    ).fetchall()
    rankings: dict[str, dict[str, Ranking]] = {}
    for variant, query_id, doc_ids, scores in rows:
        rankings.setdefault(variant, {})[query_id] = Ranking(tuple(doc_ids), tuple(scores))
    return rankings


def save_rescored(
    database: Database,
    source: str,
    spec: ExperimentSpec,
    changed: Mapping[tuple[str, str], Mapping[str, float]],
) -> bool:
    """Copy a finished experiment's rows to a spec that differs in its judgments alone, in one transaction.

    Args:
        source: the experiment's id.
        spec: the new one's.
        changed: measures by variant and query id where the judgments make them others; the rest stay as they are.

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
    ids = {"source": source, "id": spec.id}
    with database.transaction() as cursor:
        new = cursor.execute(
            """
            INSERT INTO experiments (id, name, dataset, spec, n_queries, status, finished_at, attempt)
            SELECT $id, name, dataset, $spec, n_queries, status, utc_now(), nextval('attempts') FROM experiments
            WHERE id = $source AND status = 'finished'
            ON CONFLICT DO NOTHING RETURNING id
            """,
            {**ids, "spec": json.dumps(spec.to_json())},
        ).fetchall()
        cursor.execute(
            "INSERT INTO submissions (experiment) SELECT id FROM experiments WHERE id = $id", {"id": spec.id}
        )
        if not new:
            return False
        cursor.execute(
            """
            INSERT INTO variants (experiment, name, position, fingerprint, pipeline, error)
            SELECT $id, name, position, fingerprint, pipeline, error FROM variants WHERE experiment = $source
            """,
            ids,
        )
        cursor.register("changed", batch)
        cursor.execute(
            """
            INSERT INTO results (experiment, variant, query_id, doc_ids, scores, measures, seconds, error)
            SELECT $id, r.variant, r.query_id, r.doc_ids, r.scores, coalesce(c.measures, r.measures), r.seconds, r.error
            FROM results r LEFT JOIN changed c USING (variant, query_id)
            WHERE r.experiment = $source
            """,
            ids,
        )
        cursor.unregister("changed")
        revise(cursor, [spec.id])
    return True
