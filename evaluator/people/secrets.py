"""Secrets that the server makes: of sessions, one-time links and tokens. Only their digests are stored."""

from __future__ import annotations

import hashlib
import secrets
import string
import zlib

PREFIX = "ev_"
"""How tokens begin, so that people and scanners for leaked secrets know them."""
BYTES = 32
ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
BODY, CHECKSUM = 43, 6
"""Characters of 32 bytes, and of a checksum of 32 bits, in base 62."""
SHOWN = 8
"""The first characters of a token, by which people know it again."""


def new_secret() -> str:
    """A secret of 32 random bytes, fit for an address and a cookie."""
    return secrets.token_urlsafe(BYTES)


def new_id() -> str:
    """An id that is never used again; no secret."""
    return secrets.token_hex(8)


def digest(secret: str) -> str:
    """SHA-256 of a secret, in hexadecimal. Enough for 32 random bytes, which nobody can guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_token() -> str:
    """A token: `ev_`, 32 random bytes and their checksum, in base 62."""
    body = _base62(int.from_bytes(secrets.token_bytes(BYTES)), BODY)
    return f"{PREFIX}{body}{_checksum(body)}"


def is_token(text: str) -> bool:
    """Whether a text has the form of a token and its checksum fits; otherwise it is none, and need not be looked up."""
    body, checksum = text[len(PREFIX) : -CHECKSUM], text[-CHECKSUM:]
    return text.startswith(PREFIX) and text.isascii() and len(body) == BODY and checksum == _checksum(body)


def _checksum(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECKSUM)


def _base62(number: int, length: int) -> str:
    characters = []
    for _ in range(length):
        number, rest = divmod(number, len(ALPHABET))
        characters.append(ALPHABET[rest])
    return "".join(reversed(characters))
