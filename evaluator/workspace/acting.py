"""Who is acting, in which project, and whether they may: services declare the action that they take with `@needs`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, NamedTuple, TypeVar, cast

from evaluator.domain.access import COMMAND, Action, Person, refused
from evaluator.domain.records import DatasetRow, ExperimentRow
from evaluator.errors import ForbiddenError

F = TypeVar("F", bound=Callable[..., Any])

T = TypeVar("T")

_acting: ContextVar[Person | None] = ContextVar("acting", default=None)
_address: ContextVar[str | None] = ContextVar("address", default=None)
_project: ContextVar[str | None] = ContextVar("project", default=None)


class Otherwise(NamedTuple):
    """Whom this process takes for acting where nobody is named, their address, and the project that they chose."""

    person: Callable[[], Person] = lambda: COMMAND
    address: Callable[[], str] = str
    project: Callable[[], str | None] = lambda: None


_otherwise = Otherwise()


def acting() -> Person:
    """Who is acting: whom `acting_as` named, else whom this process takes for it.

    Raises:
        SignedOutError: nobody is signed in any more.
    """
    return _acting.get() or _otherwise.person()


def address() -> str:
    """The address that whoever is acting is at; empty if they are on the server's machine."""
    named = _address.get()
    return _otherwise.address() if named is None else named


def chosen_project() -> str | None:
    """The project that whoever is acting chose; None if they chose none. It may be unknown, or not for them."""
    return _project.get() or (_otherwise.project() if _acting.get() is None else None)


def project() -> str:
    """The project in which whoever is acting works: the chosen one, else their first one."""
    return chosen_project() or acting().first_project


@contextmanager
def acting_as(person: Person | None, at: str = "") -> Iterator[None]:
    """Name who is acting within the block, and in threads that copy its context; None for nobody yet.

    Args:
        at: their address.
    """
    token, address_token = _acting.set(person), _address.set(at)
    try:
        yield
    finally:
        _acting.reset(token)
        _address.reset(address_token)


@contextmanager
def in_project(name: str | None) -> Iterator[None]:
    """Choose the project within the block; None chooses none."""
    token = _project.set(name)
    try:
        yield
    finally:
        _project.reset(token)


@contextmanager
def otherwise(
    person: Callable[[], Person],
    at: Callable[[], str] = str,
    chosen: Callable[[], str | None] = lambda: None,
) -> Iterator[None]:
    """Within the block, ask `person` who is acting where nobody is named. Without it, that is a command.

    Args:
        at: gives their address.
        chosen: gives the project that they chose, if any.
    """
    global _otherwise
    before, _otherwise = _otherwise, Otherwise(person, at, chosen)
    try:
        yield
    finally:
        _otherwise = before


def carried(work: Callable[[], T]) -> Callable[[], T]:
    """The same work for another thread, where whoever is acting now acts, in the same project."""
    person, at, chosen = acting(), address(), project()

    def there() -> T:
        with acting_as(person, at), in_project(chosen):
            return work()

    return there


def may(action: Action, of: str | None = None) -> bool:
    """Whether whoever is acting may do something in a project, by default theirs: pages hide what they may not do."""
    return acting().may(action, of or project())


def require(action: Action, of: str | None = None) -> None:
    """Check that whoever is acting may do something in a project, by default theirs.

    Raises:
        ForbiddenError: they may not; says what it takes and who can grant it.
    """
    person, of = acting(), of or project()
    if not person.may(action, of):
        raise ForbiddenError(refused(person, action, of))


def _require_for(action: Action, arguments: Iterable[Any]) -> None:
    """Check an action on datasets and experiments in their projects, and any other in the project of whoever acts."""
    owners = {each.project for each in arguments if isinstance(each, DatasetRow | ExperimentRow)}
    for owner in owners or (None,):
        require(action, owner)


def needs(action: Action) -> Callable[[F], F]:
    """Declare the action that a service takes: it raises `ForbiddenError` if whoever is acting may not do it.

    It is checked in the projects of the datasets and experiments that are among its arguments, else in the project
    in which whoever is acting works.
    """

    def declare(service: F) -> F:
        if inspect.iscoroutinefunction(service):

            @wraps(service)
            async def checked_later(*args: Any, **options: Any) -> Any:
                _require_for(action, (*args, *options.values()))
                return await service(*args, **options)

            declared: Any = checked_later
        else:

            @wraps(service)
            def checked(*args: Any, **options: Any) -> Any:
                _require_for(action, (*args, *options.values()))
                return service(*args, **options)

            declared = checked
        declared.action = action
        return cast(F, declared)

    return declare
