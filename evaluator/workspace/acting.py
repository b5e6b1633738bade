"""Who is acting, and whether they may: services declare the action that they take with `@needs`."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, TypeVar, cast

from evaluator.domain.access import COMMAND, MAIN, Action, Person, refused
from evaluator.errors import ForbiddenError

F = TypeVar("F", bound=Callable[..., Any])

_acting: ContextVar[Person | None] = ContextVar("acting", default=None)
_address: ContextVar[str | None] = ContextVar("address", default=None)
_otherwise: tuple[Callable[[], Person], Callable[[], str]] = (lambda: COMMAND, str)


def acting() -> Person:
    """Who is acting: whom `acting_as` named, else whom this process takes for it.

    Raises:
        SignedOutError: nobody is signed in any more.
    """
    return _acting.get() or _otherwise[0]()


def address() -> str:
    """The address that whoever is acting is at; empty if they are on the server's machine."""
    named = _address.get()
    return _otherwise[1]() if named is None else named


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
def otherwise(person: Callable[[], Person], at: Callable[[], str] = str) -> Iterator[None]:
    """Within the block, ask `person` who is acting where nobody is named. Without it, that is a command.

    Args:
        at: gives their address.
    """
    global _otherwise
    before, _otherwise = _otherwise, (person, at)
    try:
        yield
    finally:
        _otherwise = before


def may(action: Action, project: str = MAIN) -> bool:
    """Whether whoever is acting may do something: pages hide what they may not do."""
    return acting().may(action, project)


def require(action: Action, project: str = MAIN) -> None:
    """Check that whoever is acting may do something.

    Raises:
        ForbiddenError: they may not; says what it takes and who can grant it.
    """
    person = acting()
    if not person.may(action, project):
        raise ForbiddenError(refused(person, action, project))


def needs(action: Action) -> Callable[[F], F]:
    """Declare the action that a service takes: it raises `ForbiddenError` if whoever is acting may not do it."""

    def declare(service: F) -> F:
        if inspect.iscoroutinefunction(service):

            @wraps(service)
            async def checked_later(*args: Any, **options: Any) -> Any:
                require(action)
                return await service(*args, **options)

            declared: Any = checked_later
        else:

            @wraps(service)
            def checked(*args: Any, **options: Any) -> Any:
                require(action)
                return service(*args, **options)

            declared = checked
        declared.action = action
        return cast(F, declared)

    return declare
