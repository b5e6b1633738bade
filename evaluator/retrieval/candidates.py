"""Lists that several variants of one experiment take their candidates from, searched once.

candidates/<experiment>/shards.json              queries of a shard, the same for all searches
candidates/<experiment>/<search>/<shard>.json    ranked lists by query row; seconds of a query

They are kept while the experiment runs. Whoever does not find one searches for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import orjson

from evaluator.artifacts.store import ArtifactStore
from evaluator.domain.pipelines.shared_searches import SharedSearch
from evaluator.domain.ranking import Ranking
from evaluator.errors import ArtifactMissingError

FOLDER = "candidates"
MAX_SHARD = 64
"""Queries of one file, and of one job, at most."""


class Candidates:
    """The lists of an experiment's shared searches.

    Attributes:
        seconds: that the searches of the lists took that were read so far.
    """

    def __init__(self, experiment: str, store: ArtifactStore) -> None:
        self._experiment, self._store = experiment, store
        self._size: int | None = None
        self.seconds = 0.0

    def begin(self, batch_size: int) -> None:
        """Choose how many queries are searched at once: as many as are evaluated, unless it was chosen before."""
        self._store.put_json(self._shards, min(batch_size, MAX_SHARD))

    @property
    def size(self) -> int | None:
        """Queries of a shard; None if nothing is shared any more, because the experiment has ended."""
        if self._size is None:
            with suppress(ArtifactMissingError):
                self._size = int(self._store.read_bytes(self._shards))
        return self._size

    @property
    def _shards(self) -> str:
        return f"{FOLDER}/{self._experiment}/shards.json"

    def shards_of(self, rows: Iterable[int]) -> list[int]:
        """The shards that hold these queries, ascending; none if nothing is shared any more."""
        return [] if self.size is None else sorted({row // self.size for row in rows})

    def rows_of(self, shard: int, n_queries: int) -> range:
        """The rows of a shard's queries; none if nothing is shared any more."""
        if self.size is None:
            return range(0)
        return range(shard * self.size, min((shard + 1) * self.size, n_queries))

    def there(self, search: SharedSearch) -> set[int]:
        """The shards of queries that are searched."""
        names = self._store.names(f"{FOLDER}/{self._experiment}/{search.key}")
        return {int(name.partition(".")[0]) for name in names}

    def write(self, search: SharedSearch, shard: int, lists: Mapping[int, Ranking], seconds: float) -> None:
        """Store the lists of a shard's queries, by row.

        Args:
            seconds: that one query took.
        """
        by_row = {str(row): [ranking.doc_ids, ranking.scores] for row, ranking in lists.items()}
        payload = orjson.dumps({"seconds": seconds, "lists": by_row})

        def write(path: Path) -> None:
            path.write_bytes(payload)

        self._store.put(self._name(search, shard), write)

    def read(self, search: SharedSearch, rows: Sequence[int]) -> dict[int, Ranking]:
        """The stored lists of these queries, by row."""
        rankings: dict[int, Ranking] = {}
        wanted_rows = set(rows)
        for shard in self.shards_of(rows):
            try:
                record = orjson.loads(self._store.read_bytes(self._name(search, shard)))
            except ArtifactMissingError:
                continue  # not searched yet, or the experiment has ended
            for row, (doc_ids, scores) in record["lists"].items():
                if int(row) in wanted_rows:
                    rankings[int(row)] = Ranking(tuple(doc_ids), tuple(scores))
                    self.seconds += record["seconds"]
        return rankings

    def _name(self, search: SharedSearch, shard: int) -> str:
        return f"{FOLDER}/{self._experiment}/{search.key}/{shard}.json"


def experiments_with_candidates(store: ArtifactStore) -> set[str]:
    """Experiments whose lists are kept; others may use the same store."""
    return store.names(FOLDER)


def drop_candidates(store: ArtifactStore, experiment: str) -> None:
    """Remove an experiment's lists."""
    store.remove_folder(f"{FOLDER}/{experiment}")
