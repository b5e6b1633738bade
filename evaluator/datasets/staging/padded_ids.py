"""Ids that differ by leading zeros alone: Excel makes 1 of 00001, or shows 1 as 00001."""

from __future__ import annotations

from collections.abc import Collection


class PaddedIds:
    """Finds the known id that a given one differs from by leading zeros alone; only ids of digits have such."""

    def __init__(self, ids: Collection[str]) -> None:
        """Look for ids among these, which must be complete when the first is looked for."""
        self._ids = ids
        self._by_number: dict[str, str | None] | None = None

    def like(self, id_: str) -> str | None:
        """The known id that is the same number; None if there is none, or if several are."""
        if not _is_number(id_):
            return None
        if self._by_number is None:
            self._by_number = {}
            for known in self._ids:
                if _is_number(known):
                    number = known.lstrip("0")
                    self._by_number[number] = None if number in self._by_number else known
        return self._by_number.get(id_.lstrip("0"))


def _is_number(id_: str) -> bool:
    return id_.isascii() and id_.isdecimal()
