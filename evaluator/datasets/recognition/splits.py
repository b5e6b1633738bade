"""Splits: files with the same kind of content for training, development and test."""

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
    """The split that a file's name contains, in lower case; empty if it contains none."""
    match = SPLIT.search(PurePosixPath(name).stem)
    return match[1].lower() if match else ""


def same_but_for_the_split(name: str, other: str) -> bool:
    """Whether two files are splits of the same data: their names differ only by the split, or both are in `qrels/`."""
    first, second = PurePosixPath(name), PurePosixPath(other)
    if first.parent != second.parent or first.suffix.lower() != second.suffix.lower():
        return False
    return first.parent.name.lower() == "qrels" or SPLIT.sub("", first.stem) == SPLIT.sub("", second.stem)


def preferred(names: Sequence[str]) -> str | None:
    """The name of the file that counts: the test split, or the only file."""
    if len(names) == 1:
        return names[0]
    return next((name for name in names if split_of(name) == PREFERRED_SPLIT), None)
