"""What commands have in common: their options, and the settings that follow from them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from evaluator import logs
from evaluator.home import keep_private
from evaluator.settings import Settings

if TYPE_CHECKING:
    from evaluator.remote.client import Client
    from evaluator.workspace.workspace import Workspace

T = TypeVar("T")

Json = Annotated[bool, typer.Option("--json", help="Print the data as JSON.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes. Default: min(5, cores).")]


def read_settings(**given: Any) -> Settings:
    """The settings of a command: its options, those that were given, else the environment.

    Raises:
        InvalidInputError: a value is not valid; names the setting.
    """
    settings = Settings.read(**{name: value for name, value in given.items() if value is not None})
    keep_private(settings)
    logs.configure(settings, "text", level="WARNING")
    return settings


def ask(local: Callable[[Workspace], T], remote: Callable[[Client], T]) -> T:
    """Ask this home's database if it is free, else the instance that owns it.

    Raises:
        StoreLockedError: another process holds the database, and it is no instance.
    """
    from evaluator.remote.client import Client  # noqa: PLC0415  `--help` answers at once
    from evaluator.remote.owner import owner  # noqa: PLC0415

    with owner(read_settings()) as found:
        return remote(found) if isinstance(found, Client) else local(found)
