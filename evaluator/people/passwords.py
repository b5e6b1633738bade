"""Passwords: hashed by argon2id with the library's defaults, which follow RFC 9106."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from evaluator.errors import InvalidInputError

SHORTEST, LONGEST = 12, 1000
"""Characters: long ones are hard to guess, whatever they are made of; a longer one would keep the server busy."""

_AT_ONCE = threading.BoundedSemaphore(2)
"""Each takes 64 MB and a processor for a moment, and anybody can ask for one."""

_hasher = PasswordHasher()
_NOBODYS = _hasher.hash("nobody has this password")


def hashed(password: str, name: str) -> str:
    """The hash of a new password.

    Args:
        name: of its account, which it must not be.

    Raises:
        InvalidInputError: it is too short, too long, or too easy to guess.
    """
    if not SHORTEST <= len(password) <= LONGEST:
        raise InvalidInputError(f"a password has {SHORTEST} to {LONGEST:,} characters; choose another one")
    if len(set(password)) < SHORTEST // 2 or name.casefold() in password.casefold():
        raise InvalidInputError("this password is easy to guess; choose another one")
    return _hasher.hash(password)


def matches(hash_: str | None, password: str) -> bool:
    """Whether a password is that of a hash. Takes as long without one, so that nobody learns which accounts exist."""
    try:
        with _AT_ONCE:
            return _hasher.verify(hash_ or _NOBODYS, password[:LONGEST]) and hash_ is not None
    except (VerificationError, InvalidHashError):
        return False


def is_dated(hash_: str) -> bool:
    """Whether a hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(hash_)
