"""Throughput and memory: 10,000 queries x 5 variants of trivial retrieval through the whole path.

Runs an instance (`evaluator up`), submits the experiment over REST, and watches the resident memory of server and
workers from a fifth of the way to the end. Prints queries per second and the growth; exits with 1 if a process grew
by more than the bound.

    python -m benchmarks.throughput [--queries 10000] [--workers 2] [--queries-per-job auto]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.chaos import write_dataset
from benchmarks.hurting import MARKS, Running, instance

BOUND = 150
"""MiB that a process may grow by once it is warm."""
VARIANTS = {f"bm25 {k1}": {"bm25": {"k1": k1}} for k1 in (0.5, 0.9, 1.2, 1.5, 2.0)}


def main() -> None:
    """Run it once."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--queries-per-job", default="auto")
    arguments = parser.parse_args()
    cut = arguments.queries_per_job if arguments.queries_per_job == "auto" else int(arguments.queries_per_job)
    total = arguments.queries * len(VARIANTS)
    with tempfile.TemporaryDirectory(prefix="evaluator-throughput-") as name:
        folder = Path(name)
        write_dataset(folder / "made", arguments.queries)
        with instance(folder / "home", folder / "made", arguments.workers) as running:
            started = time.monotonic()
            experiment = running.submit(cut, VARIANTS)
            warm: dict[str, float] = {}
            while (recorded := running.recorded(experiment)) < total:
                if not warm and recorded > total / 5:
                    warm = memory(running)
                time.sleep(0.2)
            elapsed = time.monotonic() - started
            hot = memory(running)
    print(f"{total:,} queries in {elapsed:.1f} s: {total / elapsed:,.0f} a second")
    growth = {process: hot[process] - warm[process] for process in warm if process in hot}
    for process, grown in growth.items():
        print(
            f"  {process}: {warm[process]:.0f} MiB at a fifth, {hot[process]:.0f} MiB at the end ({grown:+.0f})"
        )
    if max(growth.values()) > BOUND:
        sys.exit(f"a process grew by more than {BOUND} MiB")


def memory(running: Running) -> dict[str, float]:
    """Resident MiB of server and workers, by what they are and their process id."""
    return {
        f"{kind} {process.pid}": process.memory_info().rss / 2**20
        for kind in ("server", "worker")
        for process in running.children(MARKS[kind])
    }


if __name__ == "__main__":
    main()
