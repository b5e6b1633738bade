"""Models of every kind through real workers: dense, sparse and late interaction, each reranked by a cross-encoder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from evaluator.domain.experiment import Experiment
from evaluator.domain.ranking import Ranking
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace
from tests.conftest import TOPICS, WriteDataset
from tests.integration.conftest import follow, instance
from tests.models import TinyModels

DOCUMENTS = tuple(f"{a}, and {b}" for a in TOPICS for b in TOPICS[:6])


def variants(models: TinyModels) -> list[dict[str, Any]]:
    """Each retriever alone, and with the cross-encoder behind it."""
    retrievers: dict[str, dict[str, Any]] = {
        "dense": {"dense": {"encoder": str(models.dense)}},
        "sparse": {"sparse": {"encoder": str(models.sparse)}},
        "late": {"late": {"encoder": str(models.late), "max_length": 32}},
    }
    rerank = [{"cross_encoder": {"model": str(models.cross)}, "depth": 10}]
    alone = [{"name": name, "retrieve": retrieve} for name, retrieve in retrievers.items()]
    return alone + [
        {"name": f"{name} reranked", "retrieve": retrieve, "rerank": rerank}
        for name, retrieve in retrievers.items()
    ]


def described(dataset: Path, models: TinyModels, **fields: Any) -> Experiment:
    """An experiment over all of them."""
    return parse_experiment(yaml.safe_dump({"dataset": str(dataset), "variants": variants(models), **fields}))


def recorded(workspace: Workspace, experiment: str) -> dict[tuple[str, str], Ranking]:
    """The lists of an experiment, by variant and query."""
    rows = workspace.database.cursor.execute(
        "SELECT variant, query_id, doc_ids, scores FROM results WHERE experiment = ?", [experiment]
    ).fetchall()
    return {(variant, query): Ranking(tuple(ids), tuple(scores)) for variant, query, ids, scores in rows}


def test_every_kind_of_model_through_real_workers(
    settings: Settings, write_dataset: WriteDataset, tiny_models: TinyModels
) -> None:
    dataset = write_dataset("crossed", DOCUMENTS)
    found = []
    with instance(settings) as workspace:
        # How the queries are cut into jobs, and who computes them, changes no bit.
        for name, queries_per_job in (("batches", "auto"), ("threes", 3)):
            asked = described(dataset, tiny_models, name=name, queries_per_job=queries_per_job)
            submitted = lifecycle.submit(workspace, asked, allow_paths=True)
            progress = follow(workspace, submitted)
            assert (progress.status, progress.failed) == ("finished", 0), progress
            found.append(recorded(workspace, submitted.id))
    lists = found[0]
    assert len(lists) == 6 * len(TOPICS)
    assert found[1] == lists
    for (variant, query_id), ranking in lists.items():
        if variant.endswith(" reranked"):
            before = lists[variant.removesuffix(" reranked"), query_id].top(10)
            assert sorted(ranking.doc_ids) == sorted(before.doc_ids)
            assert ranking != before
