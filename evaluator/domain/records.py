"""Rows of the records of datasets, experiments and accounts. Moments are UTC without a zone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from evaluator.domain.access import MAIN, Role
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.status import ACTIVE, Status
from evaluator.domain.teamwork.records import Decision


@dataclass(frozen=True)
class DatasetRow:
    """A dataset in its newest version. Its `id` and its project never change; its name may."""

    id: int
    name: str
    manifest: DatasetManifest
    source: str
    imported_at: datetime
    description: str = ""
    tags: tuple[str, ...] = ()
    version: int = 1
    project: str = MAIN


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
        project: that of its dataset.
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
    project: str = MAIN
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


class Quotas(NamedTuple):
    """What a project may use; None is no limit.

    Attributes:
        storage: bytes of its datasets' files.
        running: experiments that are planned or run at once.
        monthly: millionths of a USD for endpoints, in a calendar month (UTC).
    """

    storage: int | None = None
    running: int | None = None
    monthly: int | None = None


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


class Identity(NamedTuple):
    """What an OpenID Connect provider or a proxy calls somebody, and whose account that is."""

    issuer: str
    subject: str
    account: str
    created_at: datetime
    used_at: datetime


class Invitation(NamedTuple):
    """A one-time link. `account` is whose password is chosen anew; None for somebody who joins a project."""

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
    project: str


class Token(NamedTuple):
    """A program's token.

    Attributes:
        role: the most that it may do; None for all that its account may.
        project: the only one that it works in; None for all of its account.
    """

    id: str
    digest: str
    shown: str
    name: str
    account: str
    role: Role | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    project: str | None


Part = Literal["report", "leaderboard", "comparison"]
"""What is shown of an experiment: all of its report, or a part."""


class ShareLink(NamedTuple):
    """A link by which anybody sees a part of an experiment.

    Attributes:
        choices: measure, baseline, a and b, where they are chosen.
        person: who made it.
        opened_at: when it was opened last.
    """

    id: str
    digest: str
    experiment: str
    part: Part
    choices: Mapping[str, str]
    person: str
    account: str | None
    created_at: datetime
    expires_at: datetime
    opened_at: datetime | None


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
