"""Lists that were searched once, between their search and those that take them."""

from __future__ import annotations

import pytest

from evaluator.artifacts import ArtifactStore
from evaluator.domain.ranking import Ranking
from evaluator.domain.sharing import SharedSearch
from evaluator.domain.variant import BM25, Retrieve
from evaluator.retrieval.candidates import SHARD, Candidates, drop_candidates, shard_of, shard_rows

SEARCH = SharedSearch(Retrieve(bm25=BM25()), 10, ("one", "other"), "one")
SCORE = 0.10000000149011612  # float32


@pytest.fixture(params=["{folder}", "memory://{folder}"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ArtifactStore:
    folder = tmp_path_factory.mktemp("store")
    return ArtifactStore(request.param.format(folder=folder), folder / "cache")


def test_lists_come_back_to_the_last_bit(store: ArtifactStore) -> None:
    candidates = Candidates("e1", store)
    lists = {0: Ranking(("d1", "ü 2"), (2.0, SCORE)), 2: Ranking((), ())}
    candidates.write(SEARCH, 0, lists, seconds=0.25)
    assert candidates.read(SEARCH, [0, 1, 2, SHARD]) == lists
    assert candidates.read(SEARCH, [2]) == {2: lists[2]}
    assert candidates.seconds == 3 * 0.25  # of the lists that were read
    assert candidates.there(SEARCH) == {0}


def test_another_experiment_has_its_own(store: ArtifactStore) -> None:
    Candidates("e1", store).write(SEARCH, 0, {0: Ranking(("d1",), (1.0,))}, 0.0)
    assert Candidates("e2", store).read(SEARCH, [0]) == {}
    assert drop_candidates(store, running=["e1"]) == 0
    assert drop_candidates(store, running=["e2"]) == 1
    assert Candidates("e1", store).there(SEARCH) == set()
    assert drop_candidates(store, running=[]) == 0


def test_every_query_is_in_one_shard() -> None:
    n_queries = 2 * SHARD + 3
    shards = [shard_rows(number, n_queries) for number in range(3)]
    assert [row for rows in shards for row in rows] == list(range(n_queries))
    assert all(shard_of(row) == number for number, rows in enumerate(shards) for row in rows)
