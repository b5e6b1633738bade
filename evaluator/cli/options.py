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
    from evaluator.remote.instance import Instance

Json = Annotated[bool, typer.Option("--json", help="Print the data as JSON.")]
Workers = Annotated[int | None, typer.Option(min=1, help="Worker processes. Default: min(5, cores).")]


def read_settings(**given: Any) -> Settings:
    """The settings of a command: its options, else the environment.

    Raises:
        InvalidInputError: a value is not valid; names the setting.
    """
    settings = Settings.read(**{name: value for name, value in given.items() if value is not None})
    keep_private(settings)
    logs.configure(settings, "text", level="WARNING")
    return settings


@contextmanager
def instance() -> Iterator[Instance]:
    """Open the instance of this command's home folder.

    Raises:
        StoreLockedError: another process owns the database, and it serves no requests.
    """
    from evaluator.remote.instance import open_instance  # noqa: PLC0415  so that `--help` is fast

    with open_instance(read_settings()) as opened:
        yield opened
