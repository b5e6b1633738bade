"""Readers: everything is read in loops while results are recorded at full speed, and while users act.

Threads read the leaderboard, the comparison, the history, progress, exports and the REST API of an experiment of which
50,000 results come in. Others cancel and resume it, submit, cancel, resume and delete experiments beside it, rename its
dataset and edit its judgments. No read may fail, or return an impossible answer: a mean of nothing, more
scored than recorded, a file whose tables are of different moments, two views that disagree.

    python -m benchmarks.readers [--queries 10000]
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from starlette.applications import Starlette
from starlette.testclient import TestClient

from benchmarks.hurting import described_as
from evaluator.analysis.export import export
from evaluator.analysis.history import history
from evaluator.analysis.leaderboard import board_of, leaderboard
from evaluator.analysis.pairwise import against, compare
from evaluator.analysis.snapshot import read_snapshot
from evaluator.api.routes import routes
from evaluator.domain.measures.scoring import DEFAULT_MEASURES, JUDGED
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult
from evaluator.domain.status import ACTIVE
from evaluator.errors import UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.experiments.progress import progress_reader
from evaluator.jobs.processes.supervisor import Supervisor
from evaluator.jobs.results.stream import ResultStream
from evaluator.library import catalog
from evaluator.operations.keeper import Keeper
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace, serve

VARIANTS = tuple(f"v{n}" for n in range(5))
MEASURE = "nDCG@10"
BATCH = 100
"""Results that the simulated worker sends at once."""
N_ACTS = 10
"""Kinds of acts; one round does each."""
EVERY_ACT = 120.0
"""Seconds within which each act must happen once, to detect a dead thread of acts."""


@dataclass
class Seen:
    """The counts and failures of the readers."""

    looks: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __str__(self) -> str:
        looks, acts = (
            ", ".join(f"{n} {what}" for what, n in sorted(counter.items()))
            for counter in (self.looks, self.acts)
        )
        return (
            f"{self.looks.total()} looks ({looks}) in {self.seconds:.0f} s beside {self.acts.total()} acts ({acts}): "
            f"{len(self.failures)} failed or impossible"
        )


def main() -> None:
    """Read until all results are recorded; exit with 1 if a read failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--queries", type=int, default=10_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="evaluator-readers-") as folder:
        seen = run_readers(Path(folder), arguments.queries)
    print(seen)
    for failure in seen.failures[:5]:
        print(failure, file=sys.stderr)
    sys.exit(bool(seen.failures))


def run_readers(folder: Path, queries: int) -> Seen:
    """Record results of five variants while everything is read; returns the readers' counts."""
    write_dataset(folder / "made", queries)
    settings = Settings(home=folder / "home", redis_url=None, workers=2)
    seen = Seen()
    with Supervisor(settings) as supervisor:
        supervisor.add_valkey()
        with Workspace.open(settings) as workspace, serve(workspace), Keeper(workspace, look_every=0.5):
            catalog.import_folder(workspace, folder / "made")
            with TestClient(Starlette(routes=routes()), raise_server_exceptions=False) as client:
                Readers(workspace, client, folder, seen, queries).run()
    return seen


class Readers:
    """The threads of the benchmark."""

    def __init__(
        self, workspace: Workspace, client: TestClient, folder: Path, seen: Seen, queries: int
    ) -> None:
        self._workspace, self._client, self._folder, self._seen = workspace, client, folder, seen
        self._queries = queries
        self._done, self._every_act = threading.Event(), threading.Event()
        self._id = ""

    def run(self) -> None:
        """Record everything while the other threads read and act."""
        described = {variant: {"bm25": {"k1": 0.5 + n / 10}} for n, variant in enumerate(VARIANTS)}
        answer = self._post("experiments", yaml=described_as("look", "made", "auto", described))
        self._id = answer.json()["id"]
        looks: dict[str, Callable[[], None]] = {
            "leaderboard": self._leaderboard, "comparison": self._comparison, "history": self._history,
            "progress": self._progress, "export": self._export, "rest": self._rest,
        }  # fmt: skip
        threads = [threading.Thread(target=self._again, args=item) for item in looks.items()]
        threads.append(threading.Thread(target=self._act))
        started = time.monotonic()
        for thread in threads:
            thread.start()
        self._record()
        self._done.set()
        for thread in threads:
            thread.join()
        self._seen.seconds = time.monotonic() - started
        self._check_the_end()

    def _again(self, name: str, look: Callable[[], None]) -> None:
        while not self._done.is_set():
            try:
                look()
            except Exception:  # noqa: BLE001  whatever it is, it is what this looks for
                self._seen.failures.append(f"{name}: {traceback.format_exc()}")
            self._seen.looks[name] += 1

    def _record(self) -> None:
        """Send every query of every variant, as workers do, in an order that differs between variants.

        The last of them wait until each act was done once: even on a slow machine, all acts happen before the end.
        """
        stream, chance = ResultStream(self._workspace.connection), random.Random(0)
        waiting = [list(range(self._queries)) for _ in VARIANTS]
        for order in waiting:
            chance.shuffle(order)
        for start in range(0, self._queries, BATCH):
            if start + BATCH >= self._queries:
                self._every_act.wait(EVERY_ACT)
            for variant, order in zip(VARIANTS, waiting, strict=True):
                stream.wait_for_room(2 * BATCH)
                stream.append(made_result(self._id, variant, n, chance) for n in order[start : start + BATCH])
        while len(stream):
            time.sleep(0.01)

    def _row(self) -> Any:
        return lifecycle.find(self._workspace, self._id)

    def _leaderboard(self) -> None:
        for baseline in (None, VARIANTS[0]):
            board = leaderboard(self._workspace, self._row(), MEASURE, baseline=baseline)
            record = board.records
            assert len(record) == len(VARIANTS)
            for row in record:
                recorded = board.experiment.n_queries - row["waiting"]
                assert 0 <= row["scored"] + row["failed"] + row["unscored"] == recorded <= self._queries
                assert board.compared <= row["scored"] or not row["scored"]
                assert (row[MEASURE] is not None) == (board.compared > 0 and row["scored"] > 0)

    def _comparison(self) -> None:
        snapshot = read_snapshot(self._workspace, self._id)
        pair = compare(snapshot, MEASURE, VARIANTS[1], VARIANTS[0])
        assert pair is None or len(pair.query_ids) == pair.outcome.test.n > 0
        board = {row["variant"]: row for row in board_of(snapshot, MEASURE, baseline=VARIANTS[0]).records}
        for outcome in against(snapshot, MEASURE, VARIANTS[0]):
            assert outcome.test.wins + outcome.test.ties + outcome.test.losses == outcome.test.n > 0
            row = board[outcome.a]
            assert (row["p_corrected"], row[MEASURE]) == (outcome.decision.corrected, outcome.mean_a), (
                row,
                outcome,
            )

    def _history(self) -> None:
        name = self._row().dataset
        try:
            scores_over_time = history(self._workspace, name)
        except UnknownNameError:
            return  # just renamed
        for point in scores_over_time.points:
            assert 0.0 <= point.score <= 1.0
            assert point.compared > 0

    def _progress(self) -> None:
        progress = progress_reader(self._workspace).read(self._id)
        assert all(variant.failed <= variant.recorded <= variant.total for variant in progress.variants)
        assert progress.queries_done <= progress.queries_total

    def _export(self) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            for format_ in ("duckdb", "csv", "trec"):
                export(self._workspace, self._row(), format_, Path(scratch))
            with duckdb.connect(str(Path(scratch) / "experiment.duckdb"), read_only=True) as file:
                counts = file.execute(
                    "SELECT variant, count(*) FILTER (cardinality(measures) > 0) FROM results GROUP BY variant"
                ).fetchall()
                scored = dict(file.execute("SELECT variant, scored FROM leaderboard").fetchall())
            assert all(scored[variant] == n for variant, n in counts), (counts, scored)

    def _rest(self) -> None:
        for path in (
            "experiments", f"experiments/{self._id}", f"experiments/{self._id}/leaderboard", "datasets", "health",
            f"experiments/{self._id}/leaderboard?measure={MEASURE}", "metrics", f"experiments/{self._id}/report",
            f"experiments/{self._id}/figures/scores.svg", "vectors",
        ):  # fmt: skip
            answer = self._client.get(f"/api/{path}")
            early = answer.status_code == 422 and "nothing to draw" in answer.text
            assert answer.status_code == 200 or early, f"{path}: {answer.status_code} {answer.text[:200]}"

    def _act(self) -> None:
        """Act as users, one act after the other."""
        for number, act in enumerate(self._acts()):
            if self._done.is_set():
                break
            answer = act()
            self._seen.acts[str(answer.request.method) + " " + _kind(str(answer.request.url.path))] += 1
            if answer.status_code >= 500:
                self._seen.failures.append(f"act {number}: {answer.status_code} {answer.text[:300]}")
            if number + 1 == N_ACTS:
                self._every_act.set()
        answer = self._post(f"experiments/{self._id}/resume")
        assert answer.is_success, answer.text

    def _acts(self) -> Iterator[Callable[[], Any]]:
        number = 0
        while True:
            number += 1
            name = self._row().dataset
            yaml = described_as(
                f"beside {number}", name, "auto", {"bm25": {"bm25": {"k1": 1.0 + number / 100}}}
            )
            yield lambda yaml=yaml: self._post("experiments", yaml=yaml)  # type: ignore[misc]
            beside = next(
                (row.id for row in lifecycle.all_experiments(self._workspace) if row.id != self._id), ""
            )
            yield lambda: self._post(f"experiments/{self._id}/cancel")
            yield lambda beside=beside: self._post(f"experiments/{beside}/cancel")  # type: ignore[misc]
            yield lambda beside=beside: self._post(f"experiments/{beside}/resume")  # type: ignore[misc]
            yield lambda: self._post(f"experiments/{self._id}/resume")
            yield lambda name=name, number=number: self._client.patch(  # type: ignore[misc]
                f"/api/datasets/{name}", json={"name": f"made {number}"}
            )
            change = {"query_id": f"q{number}", "doc_id": "d0", "grade": number % 3}
            yield lambda change=change: self._post(  # type: ignore[misc]
                f"datasets/{self._row().dataset}/judgments", changes=[change]
            )
            yield lambda beside=beside: self._post(f"experiments/{beside}/cancel")  # type: ignore[misc]
            yield lambda beside=beside: self._client.request(  # type: ignore[misc]
                "DELETE", f"/api/experiments/{beside}", json={}
            )
            yield lambda: self._post("vectors/prune", limit=0)

    def _post(self, path: str, **body: object) -> Any:
        return self._client.post(f"/api/{path}", json=body)

    def _check_the_end(self) -> None:
        """Check that the experiment ends, and that the views agree."""
        deadline = time.monotonic() + 60
        while self._row().status in ACTIVE and time.monotonic() < deadline:
            time.sleep(0.05)
        row = self._row()
        board = leaderboard(self._workspace, row, MEASURE, baseline=VARIANTS[0])
        self._comparison()
        if (row.status, board.compared) != ("finished", self._queries):
            self._seen.failures.append(
                f"the experiment is {row.status} with {board.compared} queries compared"
            )


def made_result(experiment: str, variant: str, number: int, chance: random.Random) -> QueryResult:
    """A query's result; the later variants are a little better."""
    value = min(1.0, chance.random() * 0.8 + VARIANTS.index(variant) * 0.01)
    return QueryResult(
        experiment,
        variant,
        f"q{number}",
        Ranking(("d1", "d0"), (2.0, 1.0)),
        dict.fromkeys((*DEFAULT_MEASURES, JUDGED), value),
        0.001,
    )


def _kind(path: str) -> str:
    """An address with placeholders instead of names."""
    parts = path.strip("/").split("/")[1:]
    return "/".join([parts[0], *parts[2:]])


def write_dataset(folder: Path, queries: int) -> None:
    """Ten documents, and the given number of queries."""
    (folder / "qrels").mkdir(parents=True)
    lines(folder / "corpus.jsonl", [json.dumps({"_id": f"d{n}", "text": f"document {n}"}) for n in range(10)])
    lines(
        folder / "queries.jsonl",
        [json.dumps({"_id": f"q{n}", "text": f"document {n % 10}"}) for n in range(queries)],
    )
    lines(folder / "qrels" / "test.tsv", [f"q{n}\td{n % 10}\t1" for n in range(queries)])


def lines(path: Path, written: Sequence[str]) -> None:
    """Write lines into a file."""
    path.write_text("\n".join(written) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
