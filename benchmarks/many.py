"""Many variants: how long submitting, cancelling, the leaderboard and the TREC export of thousands of them take.

Submits 2,000 BM25 variants, and 2,000 fusions of few shared retrievers, over a small dataset, to an embedded queue
without workers, and cancels them. Then makes up the results of one of them, and reads them. Exits with 1 if anything
takes longer than its bound.

    python -m benchmarks.many [--variants 2000] [--queries 50]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import numpy as np

from benchmarks.chaos import write_dataset
from evaluator.analysis.export import export
from evaluator.analysis.leaderboard import leaderboard
from evaluator.domain.experiment import Experiment, ExperimentSpec
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult
from evaluator.domain.variant import BM25, Fuse, Retrieve, Variant
from evaluator.experiments import lifecycle
from evaluator.jobs.processes.supervisor import Supervisor
from evaluator.library import catalog
from evaluator.settings import Settings
from evaluator.store import results
from evaluator.workspace.workspace import Workspace

T = TypeVar("T")

BOUNDS = {"submitted": 15.0, "cancelled": 5.0, "leaderboard": 2.0, "TREC export": 30.0}
"""Seconds."""
DEPTH = 100
"""Documents of a made list."""
AT_ONCE = 20
"""Variants whose results are recorded in one transaction."""


def main() -> None:
    """Do everything once, and print how long it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--variants", type=int, default=2000)
    parser.add_argument("--queries", type=int, default=50)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evaluator-many-") as folder:
        slow = measure(Path(folder), arguments.variants, arguments.queries)
    if slow:
        sys.exit(f"over the bound: {', '.join(slow)}")


def measure(folder: Path, n_variants: int, n_queries: int) -> list[str]:
    """Measure all of it; returns what took longer than its bound."""
    write_dataset(folder / "made", n_queries)
    settings = Settings(home=folder / "home", redis_url=None, workers=2)
    slow: list[str] = []

    def timed(what: str, act: Callable[[], T]) -> T:
        commands, started = asked(workspace), time.perf_counter()
        done = act()
        seconds = time.perf_counter() - started
        slow.extend([what] if seconds > BOUNDS[what] else [])
        commands = asked(workspace) - commands
        print(
            f"  {what:12} {seconds:7.2f} s of {BOUNDS[what]:.0f} s, {commands:,} commands to Redis",
            flush=True,
        )
        return done

    with Supervisor(settings) as supervisor:
        supervisor.add_valkey()
        with Workspace.open(settings) as workspace:
            catalog.import_folder(workspace, folder / "made")
            for name, variants in (("BM25", words(n_variants)), ("fusions", fusions(n_variants))):
                print(f"{n_variants:,} {name} over {n_queries:,} queries", flush=True)
                experiment = Experiment(name, "made", variants)
                timed("submitted", lambda e=experiment: lifecycle.submit(workspace, e))  # type: ignore[misc]
                row = lifecycle.find(workspace, name)
                timed("cancelled", lambda r=row: lifecycle.cancel(workspace, r))  # type: ignore[misc]
            record(workspace, row.spec, n_queries)
            timed("leaderboard", lambda: leaderboard(workspace, row))
            timed("TREC export", lambda: export(workspace, row, "trec", folder / "out"))
    return slow


def asked(workspace: Workspace) -> int:
    """Commands that the queue has done since it was started."""
    stats = cast("dict[str, int]", workspace.connection.info("stats"))
    return stats["total_commands_processed"]


def words(n: int) -> tuple[Variant, ...]:
    """Variants that share nothing: each needs an index of its own."""
    return tuple(Variant(f"bm25 {k}", Retrieve(bm25=BM25(0.5 + k / 1000, 0.3 + k / 5000))) for k in range(n))


def fusions(n: int) -> tuple[Variant, ...]:
    """Variants that share all: weighted fusions of the same two retrievers."""
    parts = Retrieve(bm25=BM25()), Retrieve(bm25=BM25(1.2, 0.75))
    return tuple(
        Variant(f"fused {k}", Retrieve(fuse=Fuse(parts, "weighted", weights=(1.0, k / 1000))))
        for k in range(n)
    )


def record(workspace: Workspace, spec: ExperimentSpec, n_queries: int) -> None:
    """Make up a list and scores for each variant and query."""
    draw = np.random.default_rng(0)
    docs = tuple(f"d{number}" for number in range(DEPTH))
    for start in range(0, len(spec.variants), AT_ONCE):
        rows = []
        for variant in spec.variants[start : start + AT_ONCE]:
            for number, value in enumerate(draw.random(n_queries).tolist()):
                ranking = Ranking(docs, tuple(np.sort(draw.random(DEPTH))[::-1].tolist()))
                measures = dict.fromkeys((*spec.measures, "Judged@10"), value)
                rows.append(QueryResult(spec.id, variant.name, f"q{number}", ranking, measures, 0.001))
        results.record(workspace.database, rows)


if __name__ == "__main__":
    main()
