"""A growing delay after wrong passwords, for each account and each address, counted in Redis."""

from __future__ import annotations

from redis import Redis

from evaluator.errors import TooManyError
from evaluator.people.secrets import digest

KEY = "evaluator:attempts:{}"
FREE = 5
"""Wrong passwords in a row that cost nothing."""
FIRST, LONGEST = 1, 900
"""Seconds to wait after one more, doubled with each; and the most."""
FORGOTTEN_AFTER = 24 * 3600
"""Seconds."""


def require_patience(queue: Redis, *who: str) -> None:
    """Check that nobody of these, an account's name and an address, has to wait.

    Raises:
        TooManyError: somebody has to wait; says how long.
    """
    waits = [int(queue.ttl(_key("wait", each))) for each in who]
    if (longest := max(waits, default=0)) > 0:
        raise TooManyError(f"too many wrong passwords; try again in {longest} seconds")


def note_try(queue: Redis, *who: str) -> None:
    """Count a password for each of these, as if it were wrong, and let them wait if there are many; see `forget`."""
    for each in who:
        count = int(queue.incr(_key("count", each)))
        queue.expire(_key("count", each), FORGOTTEN_AFTER)
        if count > FREE:
            seconds = min(FIRST << min(count - FREE - 1, 20), LONGEST)
            queue.set(_key("wait", each), 1, ex=seconds)


def forget(queue: Redis, *who: str) -> None:
    """Forget wrong passwords: somebody knew the right one."""
    for each in who:
        queue.delete(_key("count", each), _key("wait", each))


def _key(kind: str, who: str) -> str:
    return KEY.format(f"{kind}:{digest(who)}")
