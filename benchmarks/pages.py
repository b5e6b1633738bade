"""How long views take, over 200 variants and 10,000 queries: the first time, and once their data are at hand.

Writes two experiments of made scores, over two versions of a dataset, into a database in a temporary folder; ranked
lists have three documents, which these views do not read. Exits with 1 if a view takes longer than a second then.

    python -m benchmarks.pages [--variants 200] [--queries 10000]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from evaluator.analysis.history import history
from evaluator.analysis.leaderboard import leaderboard
from evaluator.analysis.pairwise import agreement, compare
from evaluator.analysis.snapshot import read_snapshot
from evaluator.analysis.verdict import verdict
from evaluator.domain.access import MAIN
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.measures.scoring import DEFAULT_MEASURES, JUDGED
from evaluator.domain.records import ExperimentRow
from evaluator.domain.variant import BM25, Retrieve, Variant
from evaluator.settings import Settings
from evaluator.store import datasets, experiments
from evaluator.store.results import SCHEMA
from evaluator.store.status import change_status, submit_experiment
from evaluator.workspace.workspace import Workspace

BOUND = 1.0
"""Seconds that a view may take once its data were read."""


def main() -> None:
    """Make the rows, then open each view twice."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", type=int, default=200)
    parser.add_argument("--queries", type=int, default=10_000)
    arguments = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="evaluator-pages-") as home,
        Workspace.open_local(Settings(home=Path(home))) as workspace,
    ):
        started = time.perf_counter()
        for version in (1, 2):
            experiment = make_experiment(workspace, arguments.variants, arguments.queries, version)
        n_rows = 2 * arguments.variants * arguments.queries
        print(f"{n_rows:,} rows written in {time.perf_counter() - started:.1f} s", flush=True)
        slowest = measure_views(workspace, experiment)
    if slowest > BOUND:
        sys.exit(f"a view takes {slowest:.2f} s once its data are at hand, more than {BOUND:.0f} s")


def measure_views(workspace: Workspace, experiment: ExperimentRow) -> float:
    """Open each view twice and print how long it takes; returns the slowest second time, in seconds."""
    first, second = experiment.spec.variants[0].name, experiment.spec.variants[1].name
    other = experiment.spec.measures[1]
    views: dict[str, Callable[[], object]] = {
        "scores of all variants": lambda: read_snapshot(workspace, experiment.id).scores(),
        "leaderboard": lambda: verdict(leaderboard(workspace, experiment)),
        "against a baseline": lambda: leaderboard(workspace, experiment, baseline=first),
        "by another measure": lambda: leaderboard(workspace, experiment, other),
        "two variants compared": lambda: compare(
            read_snapshot(workspace, experiment.id), experiment.spec.measures[0], first, second
        ),
        "by all measures": lambda: agreement(read_snapshot(workspace, experiment.id), first, second),
        "history": lambda: history(workspace, experiment.dataset),
    }
    slowest = 0.0
    for name, view in views.items():
        times = []
        for _ in range(2):
            started = time.perf_counter()
            view()
            times.append(time.perf_counter() - started)
        slowest = max(slowest, times[1])
        print(f"{name:24} first {times[0]:6.2f} s, then {times[1]:6.3f} s", flush=True)
    return slowest


def make_experiment(workspace: Workspace, n_variants: int, n_queries: int, version: int) -> ExperimentRow:
    """A finished experiment of made scores: hard and easy queries, some variants a little better than others."""
    variants = tuple(
        Variant(f"variant-{n:03d}", Retrieve(bm25=BM25(k1=0.5 + n / 100))) for n in range(n_variants)
    )
    manifest = DatasetManifest(f"corpus-{version}", "made", "made", 3, n_queries, n_queries)
    dataset = datasets.save_dataset(workspace.database, MAIN, "made", manifest, "made")
    spec = ExperimentSpec(
        name="made", dataset=manifest.fingerprint, corpus=manifest.corpus, queries="made", qrels="made",
        exclude_self=False, variants=variants, encoders={}, measures=DEFAULT_MEASURES, depth=100,
    )  # fmt: skip
    submit_experiment(workspace.database, spec, dataset, n_queries)
    draw = np.random.default_rng(version)
    difficulty = draw.beta(0.6, 0.8, n_queries)
    for place, variant in enumerate(variants):
        rows = made_rows(spec, variant.name, difficulty + 0.1 * place / n_variants, draw)
        with workspace.database.transaction() as cursor:
            cursor.register("made", rows)
            columns = ", ".join(SCHEMA.names)
            cursor.execute(f"INSERT INTO results ({columns}) SELECT {columns} FROM made")
            cursor.unregister("made")
    change_status(workspace.database, spec.id, "complete")
    return experiments.experiment(workspace.database, spec.id)


def made_rows(
    spec: ExperimentSpec, variant: str, expected: np.ndarray[tuple[int], np.dtype[np.float64]],
    draw: np.random.Generator,
) -> pa.Table:  # fmt: skip
    """One variant's rows."""
    n = len(expected)
    names = [*spec.measures, JUDGED]
    values = np.clip(expected[:, np.newaxis] + draw.normal(0, 0.2, (n, len(names))), 0, 1)
    maps = pa.MapArray.from_arrays(np.arange(n + 1) * len(names), pa.array(names * n), values.ravel())
    lists = pa.array([["d0", "d1", "d2"]] * n)
    columns = [
        [spec.id] * n, [variant] * n, [f"query-{number:06d}" for number in range(n)], lists,
        pa.array([[3.0, 2.0, 1.0]] * n, pa.list_(pa.float32())), maps, np.full(n, 0.002), [None] * n,
    ]  # fmt: skip
    return pa.table(columns, schema=SCHEMA)


if __name__ == "__main__":
    main()
