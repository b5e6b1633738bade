"""Converts frozen dataclasses to JSON and back."""

from __future__ import annotations

import dataclasses
import reprlib
from collections.abc import Mapping
from functools import cache
from typing import Any, Self, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import SchemaValidator

BOUNDS = frozenset({"ge", "gt", "le", "lt", "min_length", "max_length"})
"""Pydantic's names for the bounds of numbers, texts and lists."""


class JsonRecord:
    """Gives a frozen dataclass `to_json` and `from_json`; the schema follows from the types of the fields."""

    def to_json(self) -> dict[str, Any]:
        """The values of all fields as plain JSON types."""
        return dataclasses.asdict(self)  # type: ignore[call-overload, no-any-return]

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """The value from a record that `to_json` returned.

        The bounds of fields are not checked: they limit user input, and a record that was stored under wider bounds
        must remain readable.

        Raises:
            ValueError: a field is missing, unknown, or of the wrong type; names the first such field.
        """
        try:
            value: Self = _validator(cast("Any", cls)).validate_python(record)
        except ValidationError as error:
            raise ValueError(first_fault(error)) from error
        return value


def first_fault(error: ValidationError) -> str:
    """The first error in a record, such as `corpus.table.file: Field required`, and the wrong value, if any."""
    fault = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, fault["loc"])) or "the whole"
    message = f"{place}: {fault['msg'].removeprefix('Value error, ')}"
    missing = fault["type"] == "missing"
    return message if missing else f"{message}, not {reprlib.repr(fault['input'])}"


@cache
def _validator(kind: Any) -> SchemaValidator:
    # A union, because pydantic accepts no configuration for a plain dataclass.
    adapter: TypeAdapter[Any] = TypeAdapter(kind | None, config=ConfigDict(extra="forbid"))
    schema = _without_bounds(adapter.core_schema)
    return SchemaValidator(schema["schema"] if schema["type"] == "nullable" else schema)


def _without_bounds(schema: Any) -> Any:
    """The same schema without the bounds of its values."""
    if isinstance(schema, list):
        return [_without_bounds(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "function-after":  # a predicate, such as `PRINTABLE`
        return _without_bounds(schema["schema"])
    return {key: _without_bounds(part) for key, part in schema.items() if key not in BOUNDS}
