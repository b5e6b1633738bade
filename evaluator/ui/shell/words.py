"""Numbers and moments in words."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from evaluator.domain.printable import plain as plain
from evaluator.workspace.server_paths import without_paths

NOTHING = "–"
"""Stands for a value that is not known."""


def sentence(error: Exception) -> str:
    """An error's message with a capital: on the command line it follows the word `error`, here it stands alone."""
    return capital(str(error))


def capital(message: str) -> str:
    """A message with a capital, unless it begins with a file's name; as it is where Markdown is read."""
    message = without_paths(message)
    first = message.split(maxsplit=1)[0].rstrip(",:;") if message else ""
    return plain(message[:1].upper() + message[1:] if first.isalpha() else message)


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Such as `1 query` and `2,360 queries`."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def queries(number: int) -> str:
    """Such as `1 query` and `2,360 queries`."""
    return count(number, "query", "queries")


def percent(done: int, total: int) -> str:
    """Such as `63 %`; 100 % only once all is done."""
    return f"{100 * done // total if total else 100} %"


def duration(seconds: float | None) -> str:
    """Such as `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return "under 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _of_two(whole // 60, "min", whole % 60, "s")
    return _of_two(whole // 3600, "h", whole % 3600 // 60, "min")


def _of_two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large:,} {large_unit} {small} {small_unit}" if small else f"{large:,} {large_unit}"


def roughly(seconds: float) -> str:
    """A duration in one unit, for what is estimated: `under 1 s`, `12 s`, `3 min`, `2 h`."""
    if seconds < 90:
        return duration(seconds) if seconds < 60 else "1 min"
    return f"{seconds / 60:,.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:,.0f} h"


def ago(seconds: float) -> str:
    """How long ago something was: `just now`, `5 min ago`, `3 h ago`, `2 days ago`."""
    if seconds < 60:
        return "just now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min ago"
    return f"{seconds // 3600:.0f} h ago" if seconds < 2 * 86400 else f"{seconds // 86400:,.0f} days ago"


def short(number: int) -> str:
    """A number that is known roughly: `950`, `12 k`, `1.2 M`."""
    if number >= 999_500:
        return f"{number / 1_000_000:,.1f} M"
    return f"{number / 1000:,.0f} k" if number >= 10_000 else f"{number:,}"


def rate(per_second: float | None, noun: str) -> str:
    """Such as `33 texts/s`; two digits where it is slow."""
    if not per_second:
        return NOTHING
    return f"{per_second:,.0f} {noun}/s" if per_second >= 10 else f"{per_second:.2g} {noun}/s"


def moment(when: datetime, timezone: str | None) -> str:
    """A moment without a zone, which is UTC's, as the reader's clock shows it: `24 Nov 2026, 07:30`.

    Args:
        timezone: the reader's, such as `Europe/Berlin`, as the browser says it; UTC, and said so, if it is not known.
    """
    try:
        zone = ZoneInfo(timezone or "")
    except (ZoneInfoNotFoundError, ValueError, OSError):  # it is a file's name: too long, or a folder's
        return f"{when:%-d %b %Y, %H:%M} UTC"
    return f"{when.replace(tzinfo=UTC).astimezone(zone):%-d %b %Y, %H:%M}"
