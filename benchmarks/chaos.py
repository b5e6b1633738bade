"""Chaos: evaluate while processes are killed and users act at random, then compare every row with an undisturbed run.

An instance (`evaluator up`) runs experiments with several numbers of workers and sizes of jobs. Meanwhile a
seeded generator sends SIGKILL to a worker, the server, Valkey, or the recorder between reading and acknowledging.
The next kill waits until the victim is back and the experiment has progressed, which is part of the claim.
Between the kills a user cancels and resumes the experiment, submits it again and others beside it, deletes those,
renames the dataset, edits its judgments, and drops vectors.

Prints kills, acts, retries, seconds lost, rows lost and doubled. No row may be lost or doubled, rows must be equal bit
for bit, every experiment must end, and no job may be left. A failure names the seed.

    python -m benchmarks.chaos [--kills 200] [--seed 1]
"""

from __future__ import annotations

import argparse
import itertools
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.hurting import PATIENCE, ChaosError, Running, described_as, instance
from evaluator.errors import EvaluatorError
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace

ACTS = {"cancel": 2, "submit again": 2, "submit another": 3, "delete": 2, "rename": 3, "prune": 3, "judge": 2}
"""The acts of users, and their relative frequencies."""
CONFIGURATIONS = ((2, 1), (1, "auto"), (3, 25))
"""Workers, and queries per job."""
VARIANTS = {
    "bm25": {"bm25": {}},
    "static": {"dense": {"encoder": "distilled:sentence-transformers/all-MiniLM-L6-v2"}},
    "fused": {"fuse": {"of": ["bm25", "static"]}},
}
OTHER = {"plain": {"bm25": {"stemmer": "none", "k1": 1.5}}}
"""Of experiments that come and go beside the one whose rows are compared; where it has vectors, they share them."""


@dataclass
class Report:
    """The counts of one run."""

    kills: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    retries: int = 0
    experiments: int = 0
    rows: int = 0
    seconds: float = 0.0
    undisturbed_seconds: float = 0.0

    def __str__(self) -> str:
        kills, acts = (
            ", ".join(f"{count} {what}" for what, count in sorted(counter.items()))
            for counter in (self.kills, self.acts)
        )
        lost = self.seconds - self.undisturbed_seconds
        return (
            f"{self.kills.total()} kills ({kills}) and {self.acts.total()} acts ({acts}) in {self.experiments} "
            f"experiments, {self.retries} retries, "
            f"{lost:.0f} s lost ({self.seconds:.0f} s instead of {self.undisturbed_seconds:.0f} s), "
            f"{self.rows} rows, rows lost: 0, rows doubled: 0, all equal to the undisturbed run's; "
            "every experiment has ended, no job is left"
        )


def main() -> None:
    """Run until the kills are done; exit with 1 and the seed if anything is wrong."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--queries", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="evaluator-chaos-"))
    try:
        print(run_chaos(folder, arguments.seed, arguments.kills, arguments.queries))
    except (ChaosError, EvaluatorError) as error:
        sys.exit(
            f"failed with --seed {arguments.seed} --kills {arguments.kills}: {error}; all of it is in {folder}"
        )
    shutil.rmtree(folder)


def run_chaos(
    folder: Path, seed: int, kills: int, queries: int, described: Mapping[str, object] = VARIANTS
) -> Report:
    """Run experiments until there were enough kills.

    Args:
        described: the retrievers of the experiment whose rows are compared, by variant.

    Raises:
        ChaosError: rows are lost, doubled or different, or there is no progress.
    """
    write_dataset(folder / "made", queries)
    expected, undisturbed = reference(folder, described)
    chance, report = random.Random(seed), Report()
    for round_, (workers, queries_per_job) in enumerate(itertools.cycle(CONFIGURATIONS)):
        home = folder / f"home-{round_}"
        copy_models(folder / "home-reference", home)
        with instance(home, folder / "made", workers) as running:
            started = time.monotonic()
            experiment = running.submit(queries_per_job, described)
            people = People(running, experiment, described, chance)
            while not running.finished(experiment):
                if report.kills.total() < kills:
                    report.kills[running.kill_one(chance)] += 1
                    running.wait_for_progress(experiment)
                    if chance.random() < 0.5:
                        report.acts[people.act()] += 1
                    time.sleep(chance.uniform(0.0, 0.5))
                else:
                    time.sleep(0.1)
            report.seconds += time.monotonic() - started
            report.retries += running.retries()
            running.wait_for_the_end()
        compare(stored_rows(home, experiment), expected, queries * len(described))
        report.experiments += 1
        report.rows += len(expected)
        report.undisturbed_seconds += undisturbed
        if report.kills.total() >= kills:
            return report
    raise AssertionError("the configurations never end")


def copy_models(source: Path, target: Path) -> None:
    """Distil the static encoder once, and copy it into each home."""
    encoders = source / "artifacts" / "encoders"
    if encoders.is_dir():
        shutil.copytree(encoders, target / "artifacts" / "encoders")


def reference(folder: Path, described: Mapping[str, object]) -> tuple[list[tuple[Any, ...]], float]:
    """The rows of an undisturbed run, and the seconds it took."""
    with instance(folder / "home-reference", folder / "made", 2) as running:
        started = time.monotonic()
        experiment = running.submit("auto", described)
        while not running.finished(experiment):
            time.sleep(0.05)
        elapsed = time.monotonic() - started
    return stored_rows(folder / "home-reference", experiment), elapsed


def compare(rows: list[tuple[Any, ...]], expected: list[tuple[Any, ...]], n_rows: int) -> None:
    """Compare rows with those of the undisturbed run."""
    keys, expected_keys = Counter(row[:2] for row in rows), {row[:2] for row in expected}
    if len(expected_keys) != n_rows:
        raise ChaosError(f"the undisturbed run has {len(expected_keys)} rows, not {n_rows}")
    if lost := expected_keys - set(keys):
        raise ChaosError(f"{len(lost)} rows lost, such as {next(iter(lost))}")
    if doubled := [key for key, count in keys.items() if count > 1]:
        raise ChaosError(f"{len(doubled)} rows doubled, such as {doubled[0]}")
    for row, other in zip(rows, expected, strict=True):
        if row != other:
            raise ChaosError(f"a row differs: {row[:2]}: {row[2:]} instead of {other[2:]}")


class People:
    """A user of an instance whose processes are killed; refused and failed requests do not count as acts."""

    def __init__(
        self, running: Running, experiment: str, described: Mapping[str, object], chance: random.Random
    ) -> None:
        self._running, self._experiment, self._chance = running, experiment, chance
        self._described = described
        self._other = {name: retrieve for name, retrieve in described.items() if name == "static"} | OTHER
        self._made = 0

    def act(self) -> str:
        """Do one act; returns its name."""
        act = self._chance.choices(list(ACTS), weights=list(ACTS.values()))[0]
        name = self._dataset()
        match act:
            case "cancel":
                self._cancel_and_resume()
            case "submit again":
                self._submit("chaos", name, self._described)
            case "submit another":
                self._made += 1
                self._submit(f"another-{self._made}", name, self._other)
            case "delete":
                self._delete_one()
            case "rename":
                self._running.ask("PATCH", f"datasets/{name}", name="made" if name != "made" else "made-anew")
            case "prune":
                self._running.ask("POST", "vectors/prune", limit=0)
            case "judge":
                query, document = self._chance.randrange(100), self._chance.randrange(200)
                change = {
                    "query_id": f"q{query}",
                    "doc_id": f"d{document}",
                    "grade": self._chance.randrange(3),
                }
                self._running.ask("POST", f"datasets/{name}/judgments", changes=[change])
        return act

    def _dataset(self) -> str:
        """The dataset's current name."""
        rows = self._running.ask("GET", "datasets")
        return str(rows[0]["name"]) if rows else "made"

    def _submit(self, name: str, dataset: str, described: Mapping[str, object]) -> None:
        self._running.ask("POST", "experiments", yaml=described_as(name, dataset, "auto", described))

    def _cancel_and_resume(self) -> None:
        """Cancel, and resume until the server accepts that, because the experiment must end."""
        self._running.ask("POST", f"experiments/{self._experiment}/cancel")
        time.sleep(self._chance.uniform(0.0, 1.0))
        deadline = time.monotonic() + PATIENCE
        while self._running.ask("POST", f"experiments/{self._experiment}/resume") is None:
            if time.monotonic() > deadline:
                raise ChaosError("the experiment cannot be resumed")
            time.sleep(0.1)

    def _delete_one(self) -> None:
        rows = self._running.ask("GET", "experiments") or []
        others = [row for row in rows if row["name"].startswith("another-")]
        if others:
            chosen = self._chance.choice(others)["id"]
            self._running.ask("POST", f"experiments/{chosen}/cancel")
            self._running.ask("DELETE", f"experiments/{chosen}")


def stored_rows(home: Path, experiment: str) -> list[tuple[Any, ...]]:
    """Every recorded row of an experiment, without its duration."""
    with Workspace.open_local(Settings(home=home, redis_url=None)) as workspace:
        return workspace.database.cursor.execute(
            """
            SELECT variant, query_id, doc_ids, scores, measures, error FROM results
            WHERE experiment = ? ORDER BY variant, query_id
            """,
            [experiment],
        ).fetchall()


def write_dataset(folder: Path, queries: int) -> None:
    """A generated dataset: 200 documents of common words, and the given number of queries."""
    import json

    words = (
        "wing",
        "flow",
        "heat",
        "shock",
        "panel",
        "drag",
        "lift",
        "cone",
        "plate",
        "nozzle",
        "shell",
        "wave",
    )
    chance = random.Random(0)
    (folder / "qrels").mkdir(parents=True)
    documents = [{"_id": f"d{n}", "text": " ".join(chance.choices(words, k=30))} for n in range(200)]
    query_records = [{"_id": f"q{n}", "text": " ".join(chance.choices(words, k=4))} for n in range(queries)]
    (folder / "corpus.jsonl").write_text("\n".join(map(json.dumps, documents)))
    (folder / "queries.jsonl").write_text("\n".join(map(json.dumps, query_records)))
    (folder / "qrels" / "test.tsv").write_text("\n".join(f"q{n}\td{n % 200}\t1" for n in range(queries)))


if __name__ == "__main__":
    main()
