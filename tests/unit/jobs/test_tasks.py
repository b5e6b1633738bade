"""What tasks do when queries fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from rq.timeouts import JobTimeoutException

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.ranking import Ranking
from evaluator.errors import ArtifactMissingError
from evaluator.jobs.tasks import describe, search_each
from tests.unit.jobs.experiments import make_dataset


@pytest.fixture
def dataset(tmp_path: Any) -> StoredDataset:
    return make_dataset(ArtifactStore(str(tmp_path / "store")), ["a", "b"], ["first", "second", "third"])


class Fussy:
    """A retriever that raises on some rows, and on batches that hold one."""

    def __init__(self, dislikes: Sequence[int], error: Exception) -> None:
        self.dislikes, self.error = dislikes, error
        self.calls: list[list[int]] = []

    def search(self, queries: Sequence[int], depth: int) -> list[Ranking]:
        self.calls.append(list(queries))
        if set(queries) & set(self.dislikes):
            raise self.error
        return [Ranking((f"d{row}",), (1.0,)) for row in queries]


def test_a_batch_is_searched_at_once(dataset: StoredDataset) -> None:
    retriever = Fussy((), RuntimeError())
    found, failed = search_each(retriever, dataset, 10, ["q0", "q2"])
    assert found == {"q0": Ranking(("d0",), (1.0,)), "q2": Ranking(("d2",), (1.0,))}
    assert failed == {}
    assert retriever.calls == [[0, 2]]


def test_only_the_query_that_raises_fails(dataset: StoredDataset) -> None:
    retriever = Fussy([1], RuntimeError("no such word"))
    found, failed = search_each(retriever, dataset, 10, ["q0", "q1", "q2"])
    assert list(found) == ["q0", "q2"]
    assert failed == {"q1": "RuntimeError: no such word"}
    assert retriever.calls == [[0, 1, 2], [0], [1], [2]]


def test_a_job_whose_time_is_up_ends(dataset: StoredDataset) -> None:
    """The alarm rings once: whoever takes it for a query's failure and goes on is never stopped."""
    retriever = Fussy([1], JobTimeoutException("too long"))
    with pytest.raises(JobTimeoutException):
        search_each(retriever, dataset, 10, ["q0", "q1", "q2"])
    assert retriever.calls == [[0, 1, 2]]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RuntimeError("broken"), "RuntimeError: broken"),
        (MemoryError(), "MemoryError"),
        (ArtifactMissingError("it is gone"), "it is gone"),
        (RuntimeError("one line\n  and another\n"), "RuntimeError: one line and another"),
        (OSError("no file caf\udce9.txt"), "OSError: no file caf?.txt"),
    ],
)
def test_an_error_is_one_line_that_can_travel(error: Exception, text: str) -> None:
    assert describe(error) == text
    assert orjson.dumps(describe(error))
