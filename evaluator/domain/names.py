"""Names: normalizes them, detects invisible characters, and makes them unique."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Sequence
from itertools import count
from pathlib import PurePath

from evaluator.domain.printable import JOINERS

INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode categories of control and format characters, surrogates, and line and paragraph separators."""


def composed(name: str) -> str:
    """The name in Unicode's composed form (NFC): names that look the same become equal."""
    return unicodedata.normalize("NFC", name)


def has_invisible(name: str) -> bool:
    """Whether a name holds invisible characters other than joiners, which some languages need."""
    return any(unicodedata.category(sign) in INVISIBLE and sign not in JOINERS for sign in name)


def without_folder(source: str) -> str:
    """The source of a dataset, without the folder of a path."""
    return PurePath(source).name if PurePath(source).is_absolute() else source


def numbered(names: Sequence[str], taken: Collection[str] = ()) -> list[str]:
    """Unique names: a repeated name is numbered from its second occurrence on, such as `e5` and `e5 2`.

    The first occurrence keeps the name. A number is skipped if the numbered name already exists.

    Args:
        names: the names to make unique.
        taken: names that are already in use.
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
