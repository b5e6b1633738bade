"""Share links: whoever has one sees an experiment's report, leaderboard or comparison, without an account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, get_args

from evaluator.domain.access import Action, Person, Role, Way
from evaluator.domain.records import ExperimentRow, Part, ShareLink
from evaluator.errors import ForbiddenError, InvalidInputError, UnknownNameError
from evaluator.people.log import note, note_of
from evaluator.people.secrets import digest, new_id, new_secret
from evaluator.store import experiments
from evaluator.store.people import share_links as store
from evaluator.workspace.acting import acting, may, needs, require
from evaluator.workspace.projects import current
from evaluator.workspace.workspace import Workspace

CHOICES = ("measure", "baseline", "a", "b")
DAYS = 30
"""How long a link works, unless somebody decides otherwise."""
MOST_DAYS = 366
OPENED_EVERY = timedelta(minutes=1)
"""How often it is noted that a link is opened."""
GONE = "this link does not work: it has expired, was revoked, or never was one; ask for another one"


class Made(NamedTuple):
    """A link that was just made; its secret is never shown again."""

    id: str
    secret: str
    expires_at: datetime

    @property
    def path(self) -> str:
        """Its path behind the server's address."""
        return f"share/{self.secret}"


class Opened(NamedTuple):
    """What whoever opens a link may see, and as whom: somebody who may only see this project."""

    experiment: ExperimentRow
    link: ShareLink
    person: Person


@needs(Action.SHARE)
def make(
    workspace: Workspace,
    experiment: ExperimentRow,
    part: Part = "report",
    choices: Mapping[str, str] | None = None,
    days: int = DAYS,
) -> Made:
    """A link that anybody can open who has it.

    Args:
        part: what it shows.
        choices: measure, baseline, and the variants `a` and `b` of a comparison.
        days: until it expires.

    Raises:
        InvalidInputError: a choice or the days are not valid.
        ForbiddenError: share links are switched off in the project.
    """
    if not store.may_share(workspace.database, experiment.project):
        raise ForbiddenError(
            f"share links are switched off in the project {experiment.project!r}; an administrator of the project can "
            "switch them on"
        )
    if part not in get_args(Part):
        raise InvalidInputError(f"a link shows a {' or a '.join(get_args(Part))}, not {part!r}")
    if not 1 <= days <= MOST_DAYS:
        raise InvalidInputError(f"a link works for 1 to {MOST_DAYS} days, not {days}")
    chosen = {name: value for name, value in (choices or {}).items() if value}
    _check(experiment, chosen)
    person, secret, id_ = acting(), new_secret(), new_id()
    expires_at = _now() + timedelta(days=days)
    store.add(
        workspace.database,
        {
            "id": id_,
            "digest": digest(secret),
            "experiment": experiment.id,
            "part": part,
            "choices": chosen,
            "person": person.name,
            "account": person.account,
            "expires_at": expires_at,
        },
    )
    note(workspace, "made a share link", f"{id_}: {part} of {experiment.name} in {experiment.project}")
    return Made(id_, secret, expires_at)


def _check(experiment: ExperimentRow, choices: Mapping[str, str]) -> None:
    variants = {variant.name for variant in experiment.spec.variants}
    for name, value in choices.items():
        known = {"measure": set(experiment.spec.measures)}.get(name, variants)
        if name not in CHOICES or value not in known:
            raise InvalidInputError(
                f"{name}: {experiment.name!r} has no {value!r}; there are: {', '.join(sorted(known))}"
            )


def links(
    workspace: Workspace, experiment: ExperimentRow | None = None
) -> list[tuple[ShareLink, ExperimentRow]]:
    """Links that can be opened, of an experiment or of all of one's project; the newest first."""
    require(Action.SHARE, None if experiment is None else experiment.project)
    project = current(workspace) if experiment is None else experiment.project
    of, found = None if experiment is None else experiment.id, []
    for link in store.share_links(workspace.database, experiment=of):
        row = experiments.known_experiment(workspace.database, link.experiment)
        if row is not None and row.project == project and link.expires_at > _now():
            found.append((link, row))
    return found


def revoke(workspace: Workspace, id_: str) -> None:
    """Make a link useless.

    Raises:
        UnknownNameError: there is none of that id in a project where whoever is acting may share.
    """
    for link in store.share_links(workspace.database):
        row = experiments.known_experiment(workspace.database, link.experiment)
        if link.id == id_ and row is not None and may(Action.SHARE, row.project):
            store.remove(workspace.database, id_)
            note(workspace, "revoked a share link", f"{id_}: {link.part} of {row.name} in {row.project}")
            return
    raise UnknownNameError(f"there is no share link {id_!r}")


@needs(Action.GRANT)
def allow(workspace: Workspace, allowed: bool) -> None:
    """Allow share links in the project in which whoever is acting works, or switch them off, with those there are."""
    name = current(workspace)
    store.allow(workspace.database, name, allowed)
    note(workspace, "allowed share links" if allowed else "switched share links off", name)


def are_allowed(workspace: Workspace) -> bool:
    """Whether there may be share links in the project in which whoever is acting works."""
    return store.may_share(workspace.database, current(workspace))


def opened(workspace: Workspace, secret: str) -> Opened:
    """What a link shows.

    Raises:
        UnknownNameError: it shows nothing, for whatever reason.
    """
    for link in store.share_links(workspace.database, digest=digest(secret)):
        row = experiments.known_experiment(workspace.database, link.experiment)
        if row is None or link.expires_at < _now() or not store.may_share(workspace.database, row.project):
            continue
        if link.opened_at is None or _now() - link.opened_at > OPENED_EVERY:
            store.opened(workspace.database, link.id)
            note_of(
                workspace,
                "somebody",
                None,
                Way.LINK,
                "opened a share link",
                f"{link.id}: {link.part} of {row.name}",
            )
        return Opened(row, link, Person("somebody with a link", Way.LINK, roles={row.project: Role.VIEWER}))
    raise UnknownNameError(GONE)


def link_record(link: ShareLink, experiment: ExperimentRow) -> dict[str, Any]:
    """A link as plain types, without its secret, which nobody knows."""
    return {
        "id": link.id,
        "experiment": experiment.id,
        "name": experiment.name,
        "part": link.part,
        "choices": dict(link.choices),
        "person": link.person,
        "created_at": link.created_at.isoformat(),
        "expires_at": link.expires_at.isoformat(),
        "opened_at": link.opened_at and link.opened_at.isoformat(),
    }


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
