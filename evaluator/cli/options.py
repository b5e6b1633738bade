"""Options that several commands share, and the settings that result from them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluator import logs
from evaluator.home import keep_private
from evaluator.settings import Settings

if TYPE_CHECKING:
    from evaluator.remote.client import Client
    from evaluator.remote.instance import Instance

# Imported when they are used, so that `--help` is fast.
# ruff: noqa: PLC0415

Json = Annotated[bool, typer.Option("--json", help="Print the data as JSON.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes. Default: min(5, cores).")]
Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="URL",
        help="Work against this server instead of the home folder. Default: EVALUATOR_SERVER.",
    ),
]


def read_settings(**given: Any) -> Settings:
    """The settings of a command: its options, else the environment.

    Raises:
        InvalidInputError: a value is not valid; names the setting.
    """
    settings = Settings.read(**{name: value for name, value in given.items() if value is not None})
    keep_private(settings)
    logs.configure(settings, "text", level="WARNING")
    return settings


def client(server: str | None) -> Client | None:
    """The client of the server that a command works against; None if it works with the home folder.

    Args:
        server: the option `--server`; EVALUATOR_SERVER if it is None.

    Raises:
        InvalidInputError: the address is not valid, or its token cannot be used there.
    """
    settings = read_settings()
    chosen = settings.server if server is None else server
    if chosen is None:
        return None
    from evaluator.remote.client import Client
    from evaluator.remote.tokens import server_address, token_for

    address = server_address(chosen)
    return Client(address, token_for(settings, address))


@contextmanager
def instance(server: str | None = None) -> Iterator[Instance]:
    """Open the instance that a command works with: a server, or that of the home folder.

    Args:
        server: as for `client`.

    Raises:
        StoreLockedError: another process owns the database, and it serves no requests.
    """
    there = client(server)
    if there is not None:
        with there:
            yield there
        return
    from evaluator.remote.instance import open_instance

    with open_instance(read_settings()) as opened:
        yield opened
