"""Editing judgments against real workers: the rows of a fresh run over the edited dataset, and no work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from evaluator.experiments import lifecycle
from evaluator.judging.judgments import edit
from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.store.rescored import recorded
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.integration.conftest import Row, experiment, follow, instance, run_experiment, stored_rows
from tests.recorded import dataset_id

BM25: dict[str, Any] = {"bm25": {"bm25": {}}}


def test_a_rescored_experiment_is_what_a_fresh_run_gives_and_running_it_does_nothing(
    settings: Settings, tmp_path: Path, write_dataset: WriteDataset
) -> None:
    judged = {number: {number: 1} for number in range(10)}
    before = write_dataset("tiny", qrels=judged)
    after = write_dataset("fresh", qrels={**judged, 0: {0: 1, 1: 2}, 3: {4: 1}})
    with instance(settings) as workspace:
        first = lifecycle.submit(workspace, experiment(before, BM25), allow_paths=True)
        follow(workspace, first)
        edit(workspace, dataset_id(workspace, "tiny"), {("q0", "d1"): 2, ("q3", "d3"): None, ("q3", "d4"): 1})
        again = lifecycle.submit(workspace, experiment("tiny", BM25))
        assert again.id != first.id
        assert (again.to_evaluate, again.skipped, again.encoding) == (0, 10, ())
        rescored = _rows(workspace, again.id)
    fresh = Settings(home=tmp_path / "fresh-home", workers=1, redis_url=None)
    run_experiment(fresh, experiment(after, BM25), workers=1)
    assert rescored == stored_rows(fresh)
    with Workspace.open_local(fresh) as workspace:
        assert [row.id for row in lifecycle.all_experiments(workspace)] == [again.id]
        assert catalog.find(workspace, "fresh").manifest.n_judgments == 11


def _rows(workspace: Workspace, id_: str) -> list[Row]:
    _, rows_of, given = recorded(workspace.database, id_)
    rows = workspace.database.cursor.execute(
        f"SELECT variant, query_id, doc_ids, scores, measures, error FROM {rows_of} ORDER BY variant, query_id",
        given,
    ).fetchall()
    return [
        (variant, query_id, tuple(doc_ids), tuple(scores), tuple(sorted(measures.items())), error)
        for variant, query_id, doc_ids, scores, measures, error in rows
    ]
