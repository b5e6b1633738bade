"""What is read while results are recorded is one state of the experiment, or none: never parts of two.

Before there were snapshots, 265 of 1,724 looks of a longer run of this kind ended in an IndexError or a ValueError.
"""

from __future__ import annotations

import random
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from evaluator.analysis.export import export
from evaluator.analysis.history import history, history_record
from evaluator.analysis.leaderboard import board_of, leaderboard, leaderboard_record
from evaluator.analysis.pair import look_at_pair, pair_table
from evaluator.analysis.pairwise import against
from evaluator.analysis.recommendation import recommend
from evaluator.analysis.several_datasets import across
from evaluator.analysis.slices import slices
from evaluator.analysis.snapshot import Snapshot, read_snapshot
from evaluator.analysis.verdict import verdict
from evaluator.domain.measures.scoring import JUDGED
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.experiments.progress import progress_reader
from evaluator.inspection.query_list import listed_queries
from evaluator.library import catalog
from evaluator.report.figures import FigureOptions, figure
from evaluator.store import experiments, results
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.recorded import begin
from tests.unit.finished import submitted

NDCG = "nDCG@10"
VARIANTS = ("a", "b", "c", "d")
N_QUERIES, BATCH, ROUNDS = 40, 5, 3
LOOKS = 3
"""Of each kind, at least, before recording ends."""


class Recording:
    """Records experiments one after the other, in small batches and in no order, until enough was looked at."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.draw = random.Random(5)
        self.ids: list[str] = []
        self.looks: Counter[str] = Counter()
        self.faults: list[str] = []
        self.over = threading.Event()

    @property
    def last(self) -> str:
        """Id of the experiment that is being recorded."""
        return self.ids[-1]

    def record(self, wanted: Mapping[str, object]) -> None:
        """Record rounds until each kind of look was taken often enough; failures are forgotten, and tried again."""
        number = 0
        while number < ROUNDS or any(self.looks[name] < LOOKS for name in wanted):
            spec = submitted(self.workspace, "tiny", VARIANTS, f"experiment {number}")
            id_ = spec.id
            self.ids.append(id_)
            self._record(id_, [(v, f"q{n}") for v in VARIANTS for n in range(N_QUERIES)], failing=0.1)
            again = self.draw.choice(self.ids)
            begin(self.workspace.database, lifecycle.find(self.workspace, again).spec, "tiny", N_QUERIES)
            there = results.recorded_queries(self.workspace.database, again)
            missing = [
                (v, q)
                for v in VARIANTS
                for q in (f"q{n}" for n in range(N_QUERIES))
                if q not in there.get(v, ())
            ]
            self._record(again, missing, failing=0.0)
            if number % 2:
                gone = self.ids.pop(0)
                with self.workspace.database.transaction() as cursor:
                    cursor.execute("UPDATE experiments SET status = 'cancelled' WHERE id = ?", [gone])
                experiments.delete_experiment(self.workspace.database, gone)
            number += 1
            if self.faults:
                return

    def _record(self, id_: str, pairs: list[tuple[str, str]], failing: float) -> None:
        self.draw.shuffle(pairs)
        for start in range(0, len(pairs), BATCH):
            rows = [self._result(id_, *pair, failing) for pair in pairs[start : start + BATCH]]
            results.record(self.workspace.database, rows)

    def _result(self, id_: str, variant: str, query_id: str, failing: float) -> QueryResult:
        if self.draw.random() < failing:
            return QueryResult(id_, variant, query_id, error="ValueError: no")
        score = self.draw.random()
        measures = {NDCG: score, "RR@10": 1 - score, JUDGED: 0.5}
        return QueryResult(id_, variant, query_id, Ranking(("d1", "d0"), (2.0, 1.0)), measures, 0.1)

    def look(self, name: str, take: Callable[[], None]) -> None:
        """Take a look; an experiment that was deleted meanwhile, or has nothing to draw yet, is an answer, too."""
        try:
            take()
        except (UnknownNameError, InvalidInputError) as error:
            if not any(words in str(error) for words in ("no experiment", "nothing to draw")):
                self.faults.append(f"{name}: {error}")
        except Exception:  # noqa: BLE001  whatever it is, it is the fault that is looked for
            self.faults.append(f"{name}: {traceback.format_exc()}")
        self.looks[name] += 1


@pytest.fixture
def recording(workspace: Workspace, write_dataset: WriteDataset) -> Iterator[Recording]:
    texts = [f"query {'long ' * (n % 5)}{n}" for n in range(N_QUERIES)]
    folder = write_dataset("more", queries=texts, qrels={q: {q % 10: 1} for q in range(N_QUERIES)})
    catalog.import_folder(workspace, folder, name="tiny")
    yield Recording(workspace)


def require_possible(snapshot: Snapshot) -> None:
    """Check a leaderboard for what cannot be."""
    board = board_of(snapshot, NDCG)
    for row in board.rows:
        counts = row.counts
        assert 0 <= counts.scored <= counts.recorded <= N_QUERIES
        assert counts.scored + counts.failed + row.unscored + row.waiting == N_QUERIES
        assert board.compared <= counts.scored or row.score is None
        assert row.score is None or 0 <= row.score <= 1  # NaN, a mean of nothing, is neither
        assert (row.score is None) == (board.compared == 0 or counts.scored == 0)
        assert (row.variant in board.tie_group) == bool(row.tied)
    scores = [row.score for row in board.scored if row.score is not None]
    assert scores == sorted(scores, reverse=True)
    verdict(board)
    recommend(snapshot, board, {})
    leaderboard_record(board)


def looks_at(recording: Recording, folder: Path) -> dict[str, Callable[[], None]]:
    """Kinds of looks, by name."""
    workspace = recording.workspace

    def compare_pages() -> None:
        """Compare says what the leaderboard says of the same state."""
        look = look_at_pair(workspace, recording.last, NDCG, "a", "b")
        board = {row.variant: row for row in board_of(look.snapshot, NDCG).rows}
        if look.pair is None:
            assert board["a"].score is None or board["b"].score is None
            return
        outcome = look.pair.outcome
        assert (outcome.mean_a, outcome.mean_b) == (board["a"].score, board["b"].score)
        assert outcome.test.n == len(look.pair.query_ids) == board_of(look.snapshot, NDCG).compared
        pair_table(workspace, look, look.pair)
        slices(workspace, look.snapshot, look.pair, "length")
        assert not set(look.failed["query_id"]) & set(look.pair.query_ids)

    def against_one() -> None:
        snapshot = read_snapshot(workspace, recording.last)
        rows = {row.variant: row for row in board_of(snapshot, NDCG, baseline="c").rows}
        for outcome in against(snapshot, NDCG, "c"):
            difference = rows[outcome.a].difference
            assert difference is not None
            assert difference.decision == outcome.decision

    def over_time() -> None:
        for point in history_record(history(workspace, "tiny"))["points"]:
            assert 0 <= point["score"] <= 1

    def how_far() -> None:
        progress = progress_reader(workspace).read(recording.last)
        assert 0 <= progress.queries_done <= progress.queries_total
        if progress.status == "finished":
            assert progress.queries_done == progress.queries_total

    def several() -> None:
        rows = lifecycle.all_experiments(workspace)[:3]
        if len(rows) > 1:
            across(workspace, rows)

    def draw() -> None:
        row = experiments.experiment(workspace.database, recording.last)
        figure(workspace, row, "differences", FigureOptions(), "svg")

    def files() -> None:
        row = experiments.experiment(workspace.database, recording.last)
        export(workspace, row, "duckdb", folder)
        runs = export(workspace, row, "trec", folder)
        assert len(runs) == len(VARIANTS) + 1

    def lists() -> None:
        row = experiments.experiment(workspace.database, recording.last)
        lines = listed_queries(workspace, row, ["a", "b"], NDCG)
        assert len(lines) == N_QUERIES
        assert not any(line.failed and line.difference is not None for line in lines)

    def rest() -> None:
        row = experiments.experiment(workspace.database, recording.ids[0])  # the next that is deleted
        leaderboard_record(leaderboard(workspace, row, baseline="a"))

    return {
        "leaderboard": lambda: require_possible(read_snapshot(workspace, recording.last)),
        "compare": compare_pages,
        "against": against_one,
        "history": over_time,
        "progress": how_far,
        "several": several,
        "figure": draw,
        "export": files,
        "queries": lists,
        "rest": rest,
    }


def test_every_read_shows_one_state(recording: Recording, tmp_path: Path) -> None:
    submitted(recording.workspace, "tiny", VARIANTS, "the first")
    recording.ids.append(lifecycle.find(recording.workspace, "the first").id)
    looks = looks_at(recording, tmp_path / "files")

    def read(names: list[str]) -> None:
        while not recording.over.is_set():
            for name in names:
                recording.look(name, looks[name])

    every = list(looks)
    readers = [threading.Thread(target=read, args=(every[start::2],)) for start in range(2)]
    for reader in readers:
        reader.start()
    try:
        recording.record(looks)
    finally:
        recording.over.set()
        for reader in readers:
            reader.join()
    assert recording.faults == []
