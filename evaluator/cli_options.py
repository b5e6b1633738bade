"""What commands have in common: their options, and the settings that follow from them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from pydantic import ValidationError

from evaluator import logs
from evaluator.errors import InvalidInputError
from evaluator.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print the data as JSON.")]


def read_settings(**given: Any) -> Settings:
    """The settings of a command: its options, those that were given, else the environment.

    Raises:
        InvalidInputError: a value is not valid; names the setting.
    """
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidInputError(
            f"setting {'.'.join(map(str, first['loc']))}: {first['msg']}, not {first['input']!r}"
        ) from error
    logs.configure(settings, "text", level="WARNING")
    return settings
