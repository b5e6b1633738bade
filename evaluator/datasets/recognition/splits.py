"""Splits: files that hold the same thing for training, development and test."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

PREFERRED_SPLIT = "test"

SPLIT = re.compile(
    r"(?:^|(?<=[._-]))(train(?:ing)?|dev|test|val(?:id|idation)?|eval)(?=$|[._-])", re.IGNORECASE
)
"""A split's name as a word of a file's name."""


def split_of(name: str) -> str:
    """The split that a file's name says, in lower case; nothing if it says none."""
    found = SPLIT.search(PurePosixPath(name).stem)
    return found[1].lower() if found else ""


def same_but_for_the_split(name: str, other: str) -> bool:
    """Whether two files are splits of the same thing: their names differ by no more, or both are in `qrels/`."""
    one, two = PurePosixPath(name), PurePosixPath(other)
    if one.parent != two.parent or one.suffix.lower() != two.suffix.lower():
        return False
    return one.parent.name.lower() == "qrels" or SPLIT.sub("", one.stem) == SPLIT.sub("", two.stem)


def preferred(names: Sequence[str]) -> str | None:
    """The one that counts: that of the test split, or the only one."""
    if len(names) == 1:
        return names[0]
    return next((name for name in names if split_of(name) == PREFERRED_SPLIT), None)
