"""Lists that were searched once, between their search and those that take them."""

from __future__ import annotations

import pytest

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.pipelines.shared_searches import SharedSearch
from evaluator.domain.ranking import Ranking
from evaluator.domain.variant import BM25, Retrieve
from evaluator.retrieval.candidates import (
    MAX_SHARD,
    Candidates,
    drop_candidates,
    experiments_with_candidates,
)

SEARCH = SharedSearch(Retrieve(bm25=BM25()), 10, ("one", "other"), "one")
SCORE = 0.10000000149011612  # float32


@pytest.fixture(params=["{folder}", "memory://{folder}"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    folder = tmp_path_factory.mktemp("store")
    return ArtifactStore(request.param.format(folder=folder), folder / "cache")


def test_lists_come_back_to_the_last_bit(store: ArtifactStore) -> None:
    candidates = Candidates("e1", store)
    candidates.begin(batch_size=3)
    lists = {0: Ranking(("d1", "ü 2"), (2.0, SCORE)), 2: Ranking((), ())}
    candidates.write(SEARCH, 0, lists, seconds=0.25)
    assert candidates.read(SEARCH, [0, 1, 2, 3]) == lists
    assert candidates.read(SEARCH, [2]) == {2: lists[2]}
    assert candidates.seconds == 3 * 0.25  # of the lists that were read
    assert candidates.there(SEARCH) == {0}


def test_another_experiment_has_its_own(store: ArtifactStore) -> None:
    for experiment in ("e1", "e2"):
        Candidates(experiment, store).begin(batch_size=8)
    Candidates("e1", store).write(SEARCH, 0, {0: Ranking(("d1",), (1.0,))}, 0.0)
    assert Candidates("e2", store).read(SEARCH, [0]) == {}
    assert experiments_with_candidates(store) == {"e1", "e2"}
    drop_candidates(store, "e1")
    assert Candidates("e1", store).there(SEARCH) == set()
    assert Candidates("e1", store).read(SEARCH, [0]) == {}
    assert experiments_with_candidates(store) == {"e2"}
    drop_candidates(store, "e1")  # it is gone already


@pytest.mark.parametrize(("batch_size", "size"), [(1, 1), (7, 7), (64, 64), (500, MAX_SHARD)])
def test_every_query_is_in_one_shard(store: ArtifactStore, batch_size: int, size: int) -> None:
    candidates = Candidates("e1", store)
    candidates.begin(batch_size)
    Candidates("e1", store).begin(2)  # whoever continues it keeps to that
    assert candidates.size == size
    shards = candidates.shards_of(range(129))
    assert [row for shard in shards for row in candidates.rows_of(shard, 129)] == list(range(129))


def test_what_has_ended_shares_nothing(store: ArtifactStore) -> None:
    candidates = Candidates("e1", store)
    assert candidates.size is None
    assert candidates.shards_of([0, 1]) == []
    assert candidates.read(SEARCH, [0]) == {}
