"""Rows of the records of datasets and experiments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.status import ACTIVE, Status


@dataclass(frozen=True)
class DatasetRow:
    """A dataset in its newest version. Its `id` never changes; its name may."""

    id: int
    name: str
    manifest: DatasetManifest
    source: str
    imported_at: datetime
    description: str = ""
    tags: tuple[str, ...] = ()
    version: int = 1


@dataclass(frozen=True)
class DatasetVersion:
    """A version of a dataset; `change` says in words what the version changed, `name` is the dataset's present name."""

    name: str
    version: int
    manifest: DatasetManifest
    source: str
    change: str
    created_at: datetime


@dataclass(frozen=True)
class ExperimentRow:
    """An experiment and its status.

    Attributes:
        dataset: the present name of the dataset.
        dataset_id: the dataset's id.
        reason: why its workers or its planner stopped it.
        attempt: changes each time it is submitted or planned again.
        revision: changes with everything recorded about it; see `evaluator.store.revisions`.
        run: id of the run with its ranked lists: its own, or one that it shares with experiments of other judgments.
        place: its place among the experiments of the run; later experiments have a higher place.
    """

    id: str
    name: str
    dataset: str
    spec: ExperimentSpec
    n_queries: int
    status: Status
    created_at: datetime
    started_at: datetime
    finished_at: datetime | None
    reason: str | None = None
    dataset_id: int = 0
    attempt: int = 0
    revision: int = 0
    run: str = ""
    place: int = 0

    @property
    def active(self) -> bool:
        """Whether it is being planned or its jobs run: it is not final, and needs its dataset's files and vectors."""
        return self.status in ACTIVE


class VariantCounts(NamedTuple):
    """Numbers of a variant's queries: recorded in all, failed among them, and scored among them."""

    variant: str
    error: str | None
    recorded: int
    failed: int
    scored: int
