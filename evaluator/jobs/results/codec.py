"""Records as bytes: one codec for all kinds, each tagged with its kind and the format's version."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from typing import Annotated, get_args

import orjson
from pydantic import ConfigDict, Discriminator, TypeAdapter, ValidationError

from evaluator.domain.printable import printable
from evaluator.domain.result import Record, Rejected, stand_in

VERSION = 1
"""Version of the format. Raise it when a record's fields change; a record of a newer version is not read."""

REASON_LENGTH = 300
"""Characters of the reason why a record cannot be read."""

_RECORDS: TypeAdapter[Record] = TypeAdapter(
    Annotated[Record, Discriminator("kind")], config=ConfigDict(allow_inf_nan=False)
)
_FIELDS: Mapping[str, frozenset[str]] = {
    kind.__dataclass_fields__["kind"].default: frozenset(kind.__dataclass_fields__)
    for kind in get_args(Record)
}
"""Fields by kind. All of them are written, also those with a default, so a record without one is damaged."""


def encode(record: Record) -> bytes:
    """A record as JSON bytes."""
    return orjson.dumps({"version": VERSION, "record": record})


def decode(payload: bytes) -> Record | Rejected:
    """The record from what `encode` gave, or why it cannot be read."""
    try:
        envelope = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        return Rejected(printable(f"it is not JSON: {error}", REASON_LENGTH), payload)
    fields = envelope.get("record") if isinstance(envelope, dict) else None
    reason = _unfit(envelope, fields)
    if reason is None:
        try:
            return _RECORDS.validate_python(fields)
        except ValidationError as error:
            reason = _first_fault(error)
    reason = printable(reason, REASON_LENGTH)
    return Rejected(reason, payload, stand_in(fields, reason) if isinstance(fields, dict) else None)


def _unfit(envelope: object, fields: object) -> str | None:
    """Why a JSON value is no record of this version; None if only its values are left to check."""
    if not isinstance(envelope, dict) or not isinstance(envelope.get("version"), int):
        return "it has no version"
    if envelope["version"] > VERSION:
        return (
            f"it has version {envelope['version']}, and this server reads up to version {VERSION}: "
            "a worker is newer than the server; run the same version everywhere"
        )
    if not isinstance(fields, dict):
        return "it holds no record"
    kind = fields.get("kind")
    expected = _FIELDS.get(kind) if isinstance(kind, str) else None
    if expected is None:
        return f"its kind {reprlib.repr(kind)} is unknown"
    if missing := expected - fields.keys():
        return f"its field {min(missing)!r} is missing"
    if unknown := fields.keys() - expected:
        return f"its field {min(unknown)!r} is unknown"
    return None


def _first_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(map(str, first["loc"][1:]))  # without the kind
    return f"its field {place!r} is wrong: {first['msg']}, not {reprlib.repr(first['input'])}"
