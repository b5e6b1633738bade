"""Lists that experiments share under several judgments, and whether each experiment has the scores that are right."""

from __future__ import annotations

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures.scoring import score_queries
from evaluator.domain.ranking import Ranking
from evaluator.experiments import lifecycle
from evaluator.store.rescored import recorded
from evaluator.workspace.workspace import Workspace

LISTS = {
    "first": {f"q{n}": [f"d{n}", "d0", "d5"] for n in range(10)},
    "second": {f"q{n}": ["d3", f"d{n}"] if n != 3 else ["d3"] for n in range(9)} | {"q9": []},
}


def rows_in(workspace: Workspace, table: str) -> int:
    (n,) = workspace.database.cursor.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(n)


def scores(workspace: Workspace, experiment: str) -> dict[tuple[str, str], dict[str, float]]:
    """Measures that an experiment has, by variant and query id."""
    _, rows, given = recorded(workspace.database, experiment)
    found = workspace.database.cursor.execute(
        f"SELECT variant, query_id, measures FROM {rows}", given
    ).fetchall()
    return {(variant, query_id): measures for variant, query_id, measures in found}


def fresh(workspace: Workspace, spec: ExperimentSpec) -> dict[tuple[str, str], dict[str, float]]:
    """Measures that a run of the same lists would have."""
    qrels = StoredDataset.open(workspace.store, spec.dataset).qrels
    return {
        (variant, query_id): measures
        for variant, lists in LISTS.items()
        for query_id, measures in score_queries(
            {query_id: Ranking(tuple(docs), (0.0,) * len(docs)) for query_id, docs in lists.items()},
            qrels,
            spec.measures,
        ).items()
    }


def every_score_is_right(workspace: Workspace) -> None:
    for row in lifecycle.all_experiments(workspace):
        assert scores(workspace, row.id) == fresh(workspace, row.spec), row
