"""What a project uses, and what it may use: storage, experiments at once, and money in a month.

Storage is that of datasets. Vectors and indexes belong to texts, which several projects may share; the instance has a
limit of its own for them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.layout import corpus_artifact, manifest_artifact, qrels_artifact, queries_artifact
from evaluator.datasets.runs import run_artifact
from evaluator.domain.access import Action
from evaluator.domain.cost import size
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.endpoint import dollars
from evaluator.domain.records import Quotas
from evaluator.errors import ArtifactMissingError, QuotaReachedError, UnknownNameError
from evaluator.jobs.limits import allow_money, month_spent
from evaluator.store import datasets, experiments
from evaluator.store.people import projects
from evaluator.workspace.acting import needs, require
from evaluator.workspace.log import note
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

NEAR = 0.8
"""The share of a quota from which people are told."""
SIZES = Kind("bytes of a project's datasets", 32)


class Usage(NamedTuple):
    """What a project uses, in the units of its `Quotas`."""

    storage: int
    running: int
    monthly: int


def usage(workspace: Workspace, project: str) -> Usage:
    """What a project uses now."""
    rows = experiments.all_experiments(workspace.database)
    return Usage(
        _storage(workspace, project),
        sum(row.active for row in rows if row.project == project),
        projects.spent_this_month(workspace.database, project),
    )


def limits(workspace: Workspace, project: str) -> Quotas:
    """What a project may use."""
    return projects.quotas(workspace.database, project)


@needs(Action.MANAGE)
def set_limits(workspace: Workspace, project: str, quotas: Quotas) -> None:
    """Change what a project may use; money counts at once, also for experiments that run.

    Raises:
        ForbiddenError: whoever is acting does not manage this instance.
        UnknownNameError: there is no such project.
    """
    if project not in projects.projects(workspace.database):
        raise UnknownNameError(f"no project is called {project!r}")
    projects.set_quotas(workspace.database, project, quotas)
    said = ", ".join(
        f"{name} {'none' if value is None else f'{value:,}'}" for name, value in quotas._asdict().items()
    )
    note(workspace, "changed what a project may use", f"{project}: {said}")
    if workspace.queue is not None:
        tell_money(workspace, project)


def change_limits(workspace: Workspace, project: str, changes: Mapping[str, Any]) -> None:
    """Change some of what a project may use.

    Args:
        changes: any of `storage` in bytes, `running` and `usd_a_month`; None for no limit, what is missing stays.

    Raises:
        EvaluatorError: as `set_limits`.
    """
    given = {name: value for name, value in changes.items() if name in Quotas._fields}
    if "usd_a_month" in changes:
        usd = changes["usd_a_month"]
        given["monthly"] = None if usd is None else round(usd * 1_000_000)
    set_limits(workspace, project, limits(workspace, project)._replace(**given))


def record(workspace: Workspace, project: str) -> dict[str, Any]:
    """What a project uses and may use, as plain types; None for no limit.

    Raises:
        ForbiddenError: whoever is acting may not see the project.
    """
    require(Action.SEE, project)
    used, quotas = usage(workspace, project), limits(workspace, project)
    return {
        "storage": {"used": used.storage, "limit": quotas.storage},
        "running": {"used": used.running, "limit": quotas.running},
        "usd_a_month": {
            "used": used.monthly / 1_000_000,
            "limit": None if quotas.monthly is None else quotas.monthly / 1_000_000,
        },
    }


def require_room(workspace: Workspace, project: str, files: Mapping[str, int]) -> None:
    """Refuse files of a dataset if its project has no room for those of them that it does not have yet.

    Args:
        files: bytes by artifact.

    Raises:
        QuotaReachedError: says how much the project uses, and may use.
    """
    limit = limits(workspace, project).storage
    if limit is None:
        return
    there = set(_artifacts_of(workspace, project))
    needed = sum(size_ for name, size_ in files.items() if name not in there)
    used = _storage(workspace, project)
    if needed and used + needed > limit:
        raise QuotaReachedError(
            f"the project {project!r} may store {size(limit)} of datasets, has {size(used)}, and "
            f"this takes {size(needed)} more; delete a dataset, or ask an administrator of this instance"
        )


def require_start(workspace: Workspace, project: str, experiment: str) -> None:
    """Refuse to start an experiment where its project runs as many others as it may, or has spent its money.

    Args:
        experiment: its id; it may seem to run, though its jobs are gone.

    Raises:
        QuotaReachedError: says which of the two, and what to do.
    """
    quotas = limits(workspace, project)
    rows = experiments.all_experiments(workspace.database)
    running = sum(row.active for row in rows if row.project == project and row.id != experiment)
    if quotas.running is not None and running >= quotas.running:
        raise QuotaReachedError(
            f"the project {project!r} may run {quotas.running} experiments at once, and runs {running}; wait for "
            "one to end, or cancel one"
        )
    if quotas.monthly is None:
        return
    if why := month_spent(project, quotas.monthly, projects.spent_this_month(workspace.database, project)):
        raise QuotaReachedError(why)


def tell_money(workspace: Workspace, project: str) -> None:
    """Tell Redis what a project may spend this month, and what it has spent: Redis may have lost it."""
    monthly = limits(workspace, project).monthly
    allow_money(
        workspace.connection, project, monthly, projects.spent_this_month(workspace.database, project)
    )


def warnings(workspace: Workspace, project: str) -> list[str]:
    """What the project is near the end of, in sentences."""
    quotas = limits(workspace, project)
    if quotas == Quotas():
        return []
    used, found = usage(workspace, project), []
    if quotas.storage is not None and used.storage >= NEAR * quotas.storage:
        found.append(f"Its datasets take {size(used.storage)} of {size(quotas.storage)}.")
    if quotas.running is not None and used.running >= NEAR * quotas.running:
        found.append(f"It runs {used.running} of {quotas.running} experiments that it may run at once.")
    if quotas.monthly is not None and used.monthly >= NEAR * quotas.monthly:
        found.append(
            f"It has spent {dollars(used.monthly / 1_000_000)} of {dollars(quotas.monthly / 1_000_000)} this month."
        )
    return found


def artifacts(manifest: DatasetManifest) -> tuple[str, ...]:
    """A dataset's files; the manifest is first, because it must not exist without the other files."""
    return (
        manifest_artifact(manifest.fingerprint),
        *(run_artifact(run.id) for run in manifest.runs),
        qrels_artifact(manifest),
        queries_artifact(manifest),
        corpus_artifact(manifest),
    )


def _storage(workspace: Workspace, project: str) -> int:
    state = workspace.database.states.now
    if state is None:  # it is changing at this moment
        return sum(sizes(workspace.store, set(_artifacts_of(workspace, project))).values())
    return workspace.memory.get(
        SIZES,
        (state, project),
        lambda: sum(sizes(workspace.store, set(_artifacts_of(workspace, project))).values()),
    )


def _artifacts_of(workspace: Workspace, project: str) -> Iterator[str]:
    ids = {row.id for row in datasets.all_datasets(workspace.database) if row.project == project}
    for id_ in ids:
        for version in datasets.versions(workspace.database, id_):
            yield from artifacts(version.manifest)


def sizes(store: ArtifactStore, names: Iterable[str]) -> dict[str, int]:
    """Bytes of those of some artifacts that are there."""
    found = {}
    for name in names:
        with suppress(ArtifactMissingError):
            found[name] = store.size(name)
    return found
