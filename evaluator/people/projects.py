"""Projects: each owns datasets and experiments, and people have a role in each."""

from __future__ import annotations

import re

from evaluator.domain.access import MAIN, Action
from evaluator.errors import ConflictError, InvalidInputError, UnknownNameError
from evaluator.people.log import note
from evaluator.store.people import projects as store
from evaluator.workspace.acting import acting, needs
from evaluator.workspace.projects import visible
from evaluator.workspace.workspace import Workspace

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")
"""A project's name is a part of addresses."""


@needs(Action.MANAGE)
def add(workspace: Workspace, name: str) -> str:
    """Make a project; returns its name.

    Raises:
        InvalidInputError: the name is not valid.
        ConflictError: there is such a project.
    """
    if not NAME.fullmatch(name):
        raise InvalidInputError(
            f"{name!r} is no name of a project: it has 1 to 40 small letters of the English alphabet, digits and "
            "hyphens, such as 'web-search'"
        )
    if name not in store.projects(workspace.database) and store.was_removed(workspace.database, name):
        raise ConflictError(
            f"there was a project {name!r}, and the audit log tells of it; choose another name, or its past would show"
        )
    if not store.add(workspace.database, name):
        raise ConflictError(f"there is a project {name!r} already; choose another name")
    note(workspace, "made a project", name)
    return name


@needs(Action.MANAGE)
def remove(workspace: Workspace, name: str) -> None:
    """Remove a project without datasets, with the roles in it and the tokens for it.

    Raises:
        UnknownNameError: there is no such project.
        ConflictError: it has datasets, or is the main one.
    """
    if name not in store.projects(workspace.database):
        raise UnknownNameError(f"no project is called {name!r}")
    if name == MAIN:
        raise ConflictError(f"the project {MAIN!r} stays: every instance has it")
    store.remove(workspace.database, name)
    note(workspace, store.REMOVED, name)


def records(workspace: Workspace) -> list[dict[str, str | None]]:
    """The projects that whoever is acting may see, each with their role there."""
    person = acting()
    return [
        {"name": name, "role": "administrator" if person.is_admin else str(person.roles[name])}
        for name in visible(workspace)
    ]
