"""What variants cost: asked for once, known wherever the same variant ran over the same documents."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from evaluator.analysis.costs import cost_rows, measure_finished, to_measure
from evaluator.analysis.leaderboard import leaderboard
from evaluator.domain.cost import Latency, VariantCost
from evaluator.domain.result import VariantMeasured
from evaluator.experiments import lifecycle
from evaluator.jobs.results.stream import ResultStream
from evaluator.judging.judgments import edit
from evaluator.library import catalog
from evaluator.store import results
from evaluator.store.costs import costs, unmeasured
from evaluator.store.file.cursors import Cursor
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.recorded import dataset_id
from tests.unit.domain.test_cost import COST
from tests.unit.finished import finished
from tests.unit.working import wait_for, wait_for_status, words, work

LISTS = {"fast": {"q0": ["d0"]}, "slow": {"q0": ["d1"]}}


@pytest.fixture
def experiment(library: Workspace, write_dataset: WriteDataset) -> str:
    """A finished experiment of two variants; its id."""
    row = catalog.import_folder(library, write_dataset())
    queries = [query.query_id for query in catalog.load(library, row).queries]
    lists = {name: {query_id: ["d0", "d1"] for query_id in queries} for name in LISTS}
    return finished(library, "tiny", lists).id


def record(workspace: Workspace, experiment: str, variant: str, cost: VariantCost | None) -> None:
    """What the recorder does with what a worker measured."""
    results.record(workspace.database, [VariantMeasured(experiment, variant, cost, None if cost else "no")])


def test_variants_are_measured_once_they_are_finished(library: Workspace, experiment: str) -> None:
    assert unmeasured(library.database) == {experiment: ["fast", "slow"]}
    record(library, experiment, "fast", COST)
    assert to_measure(library, lifecycle.find(library, experiment)) == ["slow"]
    record(library, experiment, "slow", None)  # it cannot be measured: that is known, too
    assert unmeasured(library.database) == {}
    assert costs(library.database, experiment) == {"fast": COST, "slow": None}


def test_the_last_measurement_counts(library: Workspace, experiment: str) -> None:
    record(library, experiment, "fast", None)
    record(library, experiment, "fast", COST)
    assert costs(library.database, experiment) == {"fast": COST}


def test_what_belongs_to_no_variant_is_dropped(library: Workspace, experiment: str) -> None:
    record(library, experiment, "unknown", COST)
    record(library, "0" * 16, "fast", COST)
    assert costs(library.database, experiment) == {}


def test_the_leaderboard_says_what_a_variant_costs(library: Workspace, experiment: str) -> None:
    record(library, experiment, "slow", COST)
    rows = {row["variant"]: row for row in leaderboard(library, lifecycle.find(library, experiment)).records}
    assert rows["slow"]["p95_ms"] == pytest.approx(8)
    assert (rows["slow"]["index_bytes"], rows["slow"]["vector_bytes"]) == (1000, 800)
    assert rows["fast"]["p95_ms"] is None


def test_costs_as_rows(library: Workspace, experiment: str) -> None:
    record(library, experiment, "slow", COST)
    record(library, experiment, "fast", VariantCost.from_json({**COST.to_json(), "total": None}))
    fast, slow = cost_rows(library, lifecycle.find(library, experiment))
    assert (fast["variant"], fast["total_p50_ms"], fast["queries_per_second"]) == ("fast", None, None)
    assert (slow["encode_p50_ms"], slow["rerank_p50_ms"]) == (1, None)
    assert slow["total_p99_ms"] == pytest.approx(1000 * Latency(0.004, 0.008, 0.009).p99)


def found_first(workspace: Workspace, *variants: str) -> str:
    """A finished experiment; its id."""
    queries = catalog.load(workspace, catalog.find(workspace, "tiny")).queries
    return finished(
        workspace, "tiny", {name: {query.query_id: ["d1"] for query in queries} for name in variants}
    ).id


def test_a_look_reads_the_same_whether_few_or_many_wait(queued: Workspace) -> None:
    """Before, it read every experiment's costs for each that waited, and every row of them began a new state."""

    def look() -> int:
        """How many statements it takes."""
        before = queued.database.states.now
        with patch.object(Cursor, "execute", autospec=True, side_effect=Cursor.execute) as executed:
            assert measure_finished(queued) == []
        assert queued.database.states.now == before
        return executed.call_count

    found_first(queued, "variant 0")
    assert measure_finished(queued) != []  # its job waits, so nothing else is begun
    for number in range(1, 10):
        found_first(queued, f"variant {number}")
    assert len(unmeasured(queued.database)) == 10
    assert look() == 4  # what waits, all experiments, their decisions, all costs


def test_costs_measured_elsewhere_are_reused_while_the_queue_is_busy(queued: Workspace) -> None:
    first = found_first(queued, "one")
    second = found_first(queued, "same")
    other = found_first(queued, "same", "else")
    assert measure_finished(queued, other) != []
    record(queued, first, "one", COST)
    assert measure_finished(queued) == []
    assert costs(queued.database, second) == costs(queued.database, other) == {"same": COST}


@pytest.mark.parametrize("deleted", [None, 0, 1])
def test_a_run_is_measured_whichever_of_its_experiments_is_deleted(
    queued: Workspace, deleted: int | None
) -> None:
    """Before, a run whose first experiment was deleted was never measured."""
    id_ = lifecycle.submit(queued, words()).id
    work(queued)
    wait_for_status(queued, id_, "finished")
    edit(queued, dataset_id(queued, "tiny"), {("q0", "d3"): 1})
    pair = sorted(lifecycle.all_experiments(queued), key=lambda row: row.place)
    assert [row.id == id_ for row in pair] == [True, False]
    assert [to_measure(queued, row) for row in pair] == [["bm25"], ["bm25"]]
    if deleted is not None:
        lifecycle.delete(queued, pair.pop(deleted))
    assert measure_finished(queued)
    work(queued)
    wait_for(lambda: not len(ResultStream(queued.connection)))
    for row in pair:
        assert costs(queued.database, row.id)["bm25"] is not None
        assert to_measure(queued, row) == []
    assert unmeasured(queued.database) == {}
