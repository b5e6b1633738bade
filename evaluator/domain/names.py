"""Names that tell things apart."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import count


def numbered(names: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """The same names, no two alike: one that comes again is numbered from the second on, `e5` and `e5 2`.

    The first of a name keeps it. A number is passed over where something else is called that.

    Args:
        taken: names that are given away already.
    """
    known = {*names, *taken}
    used = set(taken)
    distinct = []
    for name in names:
        if name in used:
            name = next(other for n in count(2) if (other := f"{name} {n}") not in known)
            known.add(name)
        used.add(name)
        distinct.append(name)
    return distinct
