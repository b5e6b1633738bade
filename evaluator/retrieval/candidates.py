"""Lists that several variants of one experiment take their candidates from, searched once.

candidates/<experiment>/<search>/<shard>.json    ranked lists by query row, of `SHARD` queries; seconds of a query

They are kept while the experiment runs. Whoever does not find one searches for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import orjson

from evaluator.artifacts import ArtifactStore
from evaluator.domain.ranking import Ranking
from evaluator.domain.sharing import SharedSearch
from evaluator.errors import ArtifactMissingError

FOLDER = "candidates"
SHARD = 64
"""Queries of one file, and of one job: about as many as of an evaluation's."""


class Candidates:
    """The lists of an experiment's shared searches.

    Attributes:
        seconds: that searching for the lists took which were read so far.
    """

    def __init__(self, experiment: str, store: ArtifactStore) -> None:
        self._experiment, self._store = experiment, store
        self.seconds = 0.0

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
        """The lists of these queries that are there, by row."""
        found: dict[int, Ranking] = {}
        wanted = set(rows)
        for shard in sorted(set(map(shard_of, rows))):
            try:
                record = orjson.loads(self._store.read_bytes(self._name(search, shard)))
            except ArtifactMissingError:
                continue  # not searched, or the experiment has ended meanwhile
            for row, (doc_ids, scores) in record["lists"].items():
                if int(row) in wanted:
                    found[int(row)] = Ranking(tuple(doc_ids), tuple(scores))
                    self.seconds += record["seconds"]
        return found

    def _name(self, search: SharedSearch, shard: int) -> str:
        return f"{FOLDER}/{self._experiment}/{search.key}/{shard}.json"


def shard_of(row: int) -> int:
    """The shard of a query, by row."""
    return row // SHARD


def shard_rows(shard: int, n_queries: int) -> range:
    """The rows of a shard's queries."""
    return range(shard * SHARD, min((shard + 1) * SHARD, n_queries))


def drop_candidates(store: ArtifactStore, running: Iterable[str]) -> int:
    """Remove the lists of all experiments but the running ones; returns of how many."""
    ended = store.names(FOLDER) - set(running)
    for experiment in ended:
        store.remove_folder(f"{FOLDER}/{experiment}")
    return len(ended)
