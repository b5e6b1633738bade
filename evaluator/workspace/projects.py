"""The project in which whoever is acting works, and the projects that they see."""

from __future__ import annotations

from evaluator.domain.access import Action
from evaluator.errors import UnknownNameError
from evaluator.store.people import projects
from evaluator.workspace.acting import acting, project, require
from evaluator.workspace.workspace import Workspace


def current(workspace: Workspace) -> str:
    """The project in which whoever is acting works.

    Raises:
        ForbiddenError: they may not see it, or there is no such project: who has no role in it learns no more.
        UnknownNameError: there is no such project.
    """
    name = project()
    require(Action.SEE, name)
    known = projects.projects(workspace.database)
    if name not in known:
        raise UnknownNameError(f"no project is called {name!r}; there are: {', '.join(known)}")
    return name


def visible(workspace: Workspace) -> tuple[str, ...]:
    """The projects that whoever is acting may see."""
    person = acting()
    return tuple(name for name in projects.projects(workspace.database) if person.may(Action.SEE, name))
