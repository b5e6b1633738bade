"""Rows of the records of datasets, experiments and accounts. Moments are UTC without a zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from evaluator.domain.access import Role
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.status import ACTIVE, Status
from evaluator.domain.teamwork.records import Decision


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
        decision: which variant ships, as was decided last for the run; None if nobody decided.
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
    decision: Decision | None = None

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


class Account(NamedTuple):
    """A person's account. `password` is argon2's hash, None if the account has none."""

    id: str
    name: str
    password: str | None
    is_admin: bool
    created_at: datetime
    disabled_at: datetime | None
    roles: Mapping[str, Role]


class Session(NamedTuple):
    """A browser that is signed in. Moments are UTC without a zone."""

    digest: str
    account: str
    way: str
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


class Invitation(NamedTuple):
    """A one-time link. `account` is whose password is chosen anew; None for somebody who joins."""

    digest: str
    purpose: str
    name: str
    account: str | None
    is_admin: bool
    role: Role | None
    created_by: str
    created_at: datetime
    expires_at: datetime
    used_at: datetime | None


class Token(NamedTuple):
    """A program's token. `role` is the most that it may; None for all that its account may."""

    id: str
    digest: str
    shown: str
    name: str
    account: str
    role: Role | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


class AuditEntry(NamedTuple):
    """Who did what, when, and from where.

    Attributes:
        project: in which project; None for what is the instance's.
        kind, target: what it is about, if that has a page; see `evaluator.domain.teamwork.deeds.About`.
    """

    number: int
    done_at: datetime
    person: str
    account: str | None
    way: str
    address: str
    action: str
    subject: str
    project: str | None = None
    kind: str | None = None
    target: str | None = None
