"""Cranfield with MiniLM: the numbers that anyone can check with ir_measures."""

from __future__ import annotations

import json
import time
from pathlib import Path

import ir_measures
import pytest
from rq.registry import StartedJobRegistry

from evaluator.domain.measures.scoring import parse_measure
from evaluator.experiments import lifecycle
from evaluator.jobs.queue import open_queue
from evaluator.operations.instance import Headless, headless
from evaluator.settings import Settings
from tests.conftest import WriteDataset
from tests.integration.conftest import Cli, experiment, experiment_yaml, follow, json_output, stored_rows
from tests.models import TinyModels

EXPECTED = {"nDCG@10": 0.3536, "RR@10": 0.5380, "R@100": 0.7724, "AP@100": 0.3208}
"""all-MiniLM-L6-v2 in float32, exact cosine search."""


@pytest.mark.model
def test_minilm_on_cranfield(cli: Cli, cranfield: Path, tmp_path: Path) -> None:
    variants = {
        "bm25": {"bm25": {}},
        "minilm": {"dense": {"encoder": "sentence-transformers/all-MiniLM-L6-v2"}},
        "hybrid": {"fuse": {"of": ["bm25", "minilm"]}},
    }
    file = tmp_path / "cranfield.yaml"
    file.write_text(experiment_yaml(cranfield, variants, name="cranfield", measures=list(EXPECTED)))
    board = json_output(cli("run", file, "--json"))
    minilm = next(row for row in board["variants"] if row["variant"] == "minilm")
    assert {name: round(minilm[name], 4) for name in EXPECTED} == EXPECTED
    assert [row["variant"] for row in board["variants"]] == ["hybrid", "minilm", "bm25"]
    assert board["compared"] == 225

    assert cli("export", "cranfield", "--format", "trec", "-o", "out").returncode == 0
    for row in board["variants"]:
        run = ir_measures.read_trec_run(str(tmp_path / "out" / f"{row['variant']}.run"))
        qrels = ir_measures.read_trec_qrels(str(tmp_path / "out" / "qrels.txt"))
        measures = {parse_measure(name): name for name in EXPECTED}
        recomputed = ir_measures.calc_aggregate(list(measures), qrels, run)
        for measure, name in measures.items():
            assert recomputed[measure] == pytest.approx(row[name], abs=1e-12), (row["variant"], name)


def test_a_transformers_rows_do_not_depend_on_who_encodes(
    cranfield: Path, tiny_models: TinyModels, tmp_path: Path, write_dataset: WriteDataset
) -> None:
    """One worker, and two of which the first dies while it encodes: the same bits."""
    texts = [json.loads(line)["text"] for line in (cranfield / "corpus.jsonl").read_text().splitlines()[:70]]
    queries = [
        json.loads(line)["text"] for line in (cranfield / "queries.jsonl").read_text().splitlines()[:25]
    ]
    folder = write_dataset("part", texts, queries)
    variants = {"transformer": {"dense": {"encoder": str(tiny_models.dense)}}}
    rows = []
    for workers, queries_per_job, kill in ((1, "auto", False), (2, 1, True)):
        settings = Settings(home=tmp_path / f"home-{workers}", workers=workers, redis_url=None)
        described = experiment(folder, variants, queries_per_job=queries_per_job)
        with headless(settings, workers) as running:
            running.supervisor.add_workers(workers - 1)
            submitted = lifecycle.submit(running.workspace, described, allow_paths=True)
            if kill:
                kill_a_worker_that_encodes(running)
            assert follow(running.workspace, submitted).failed == 0
        rows.append(stored_rows(settings))
    assert len(rows[0]) == len(queries)
    assert rows[1] == rows[0]


def kill_a_worker_that_encodes(running: Headless) -> None:
    """Wait until a worker has begun to encode, then kill it."""
    started = StartedJobRegistry(queue=open_queue(running.workspace.connection, "encode"))
    while not any(id_.startswith("encode") for id_ in started.get_job_ids(cleanup=False)):
        time.sleep(0.05)
    worker = next(child for child in running.supervisor.children if child.name == "worker-1")
    assert worker.process is not None
    worker.process.kill()
