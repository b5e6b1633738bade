"""Host names that requests may name, so that no other site reaches this server by renaming itself."""

from __future__ import annotations

from collections.abc import Sequence

from evaluator.errors import InvalidInputError

LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")
"""The same names as in a request's Host header."""
EVERY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  only compared with, never bound
"""Values of HOST with which the server listens on all addresses."""
EXAMPLE_HOSTS = '["evaluator.example.org"]'
"""An example of `EVALUATOR_ALLOWED_HOSTS`."""


def trusted_hosts(host: str, allowed: Sequence[str], *, anybody: bool) -> tuple[str, ...]:
    """The names of a server that listens on an address.

    Loopback names and the address are always trusted: no other site has them, and monitoring uses them.

    Args:
        allowed: the names that people type.
        anybody: whether nobody has to sign in, and nobody said that this is meant.

    Raises:
        InvalidInputError: others reach the address, and anybody may do everything, or its names are not known; says
            what to set.
    """
    if host not in LOOPBACK and anybody:
        raise InvalidInputError(
            f"EVALUATOR_HOST is {host}, which others reach, and nobody has to sign in, so anybody could read, "
            "change and delete everything: set EVALUATOR_AUTH=password, or, if that is what you want, "
            "EVALUATOR_OPEN_TO_ALL=true"
        )
    if host not in LOOPBACK and not allowed:
        raise InvalidInputError(
            f"EVALUATOR_HOST is {host}, which others reach, and EVALUATOR_ALLOWED_HOSTS is not set, so any "
            "website could read this server by renaming itself; set the names that people type to reach it: "
            f"EVALUATOR_ALLOWED_HOSTS='{EXAMPLE_HOSTS}'"
        )
    own = () if host in (*LOOPBACK, *EVERY_ADDRESS) else (host,)
    return tuple(dict.fromkeys((*allowed, *own, *LOOPBACK_NAMES)))
