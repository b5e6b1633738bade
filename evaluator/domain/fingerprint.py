"""Fingerprints: the canonical form of a value, and its hash."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

FINGERPRINT_LENGTH = 16
"""Hexadecimal digits of a fingerprint (64 bits)."""

DERIVED_ID_LENGTH = 16
"""Hexadecimal digits of an id that is derived from a text (64 bits)."""

TEXT_KEY_BYTES = 16
"""Bytes of a text's key (128 bits): enough that two texts of a store practically never have the same key."""


def _plain(value: Any) -> Any:
    """The value as JSON types; equal values have the same form and therefore the same fingerprint.

    Fields that are None are omitted, so that a new optional field changes no fingerprint, and 60.0 becomes 60.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if getattr(value, field.name) is not None
        }
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def canonical_json(value: Any) -> str:
    """The value as JSON with sorted keys, no spaces and no null fields."""
    return json.dumps(
        _plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )


def fingerprint(value: Any) -> str:
    """Hash of a value's canonical JSON: 16 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:FINGERPRINT_LENGTH]


def fingerprint_set(digests: Iterable[bytes]) -> str:
    """Hash of a set of row digests, independent of their order: 16 hexadecimal digits."""
    combined = hashlib.sha256()
    for digest in sorted(digests):
        combined.update(digest)
    return combined.hexdigest()[:FINGERPRINT_LENGTH]


def row_digest(*fields: str) -> bytes:
    """Digest of one row (16 bytes); it includes the length of each field, so that field boundaries matter."""
    digest = hashlib.blake2b(digest_size=TEXT_KEY_BYTES)
    for field in fields:
        encoded = field.encode()
        digest.update(len(encoded).to_bytes(8, "little"))
        digest.update(encoded)
    return digest.digest()


def text_key(text: str) -> bytes:
    """The key under which a text's vector is stored: 16 bytes."""
    return hashlib.blake2b(text.encode(), digest_size=TEXT_KEY_BYTES).digest()


def derived_id(content: str) -> str:
    """The id of a text without an id of its own: 64 bits in hexadecimal digits. The same text has the same id."""
    return text_key(" ".join(content.split())).hex()[:DERIVED_ID_LENGTH]
