"""Names: composed, visible, unique."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from itertools import count
from pathlib import PurePath

from evaluator.domain.printable import JOINERS

INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of controls, marks of direction and joining, halves of characters, and ends of lines."""


def composed(name: str) -> str:
    """The name in Unicode's composed form (NFC): names that look the same are the same."""
    return unicodedata.normalize("NFC", name)


def has_invisible(name: str) -> bool:
    """Whether a name holds invisible characters other than joiners, which words of some languages need."""
    return any(unicodedata.category(sign) in INVISIBLE and sign not in JOINERS for sign in name)


def without_folder(source: str) -> str:
    """The source of a dataset, without its folder on a disk."""
    return PurePath(source).name if PurePath(source).is_absolute() else source


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
