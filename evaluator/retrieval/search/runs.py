"""A retriever that looks up ranked lists made elsewhere (`evaluator.datasets.runs`)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluator.datasets.runs import read_run, run_artifact
from evaluator.domain.ranking import EMPTY, Ranking
from evaluator.domain.variant import Run


def run_name(run: Run) -> str:
    """The artifact of a run."""
    if run.id is None:
        raise ValueError(f"the run {run.name!r} is not resolved")
    return run_artifact(run.id)


class StoredRun:
    """A run's lists, for the queries of its dataset.

    Raises:
        ArtifactMissingError: it is not in the store.
    """

    def __init__(self, path: Path) -> None:
        lists: dict[str, tuple[list[str], list[float]]] = {}
        for query_id, doc_id, score in read_run(path):
            doc_ids, scores = lists.setdefault(query_id, ([], []))
            doc_ids.append(doc_id)
            scores.append(score)
        self._lists = {
            query_id: Ranking(tuple(docs), tuple(scores)) for query_id, (docs, scores) in lists.items()
        }

    def search(self, query_ids: Sequence[str], depth: int) -> list[Ranking]:
        """The lists of these queries; empty for one that the run lacks."""
        return [self._lists.get(query_id, EMPTY).top(depth) for query_id in query_ids]
