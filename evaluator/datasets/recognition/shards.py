"""Files that are one table (shards), and files that are splits of the same data."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import PurePosixPath

from evaluator.datasets.recognition.inspected import InspectedTable
from evaluator.datasets.recognition.splits import PREFERRED_SPLIT, same_but_for_the_split, split_of

NUMBER = re.compile(r"\d+")
WHOLE = ("texts", "run")
"""Kinds whose files are never parts of one table."""


def joined(tables: Sequence[InspectedTable]) -> list[InspectedTable]:
    """Tables whose files differ only in a number (`part-001`, `part-002`) as one table, in the order of the numbers."""
    groups: dict[object, list[InspectedTable]] = defaultdict(list)
    for number, inspected in enumerate(tables):
        table = inspected.table
        numbered = (
            NUMBER.search(PurePosixPath(table.file).name)
            and table.kind not in WHOLE
            and not split_of(table.file)
        )
        name = NUMBER.sub("#", PurePosixPath(table.file).name) if numbered else str(number)
        key = (PurePosixPath(table.file).parent, name, table.kind, table.member, frozenset(inspected.columns))
        groups[key if numbered else number].append(inspected)
    return [_one(group) for group in groups.values()]


def _one(group: list[InspectedTable]) -> InspectedTable:
    first, *more = sorted(group, key=lambda inspected: _numbers(inspected.table.file))
    if not more:
        return first
    files = tuple(inspected.table.file for inspected in more)
    rows = (*first.rows, *(row for inspected in more for row in inspected.rows))
    table, defects = dataclasses.replace(first.table, more=files), [d for part in group for d in part.defects]
    return dataclasses.replace(first, table=table, rows=rows, defects=tuple(defects))


def _numbers(file: str) -> tuple[int, ...]:
    return tuple(int(number) for number in NUMBER.findall(PurePosixPath(file).name))


def without_other_splits(tables: Sequence[InspectedTable]) -> list[InspectedTable]:
    """Tables without those that are the training or development split of a table that is the test split."""
    kept: list[InspectedTable] = []
    for inspected in tables:
        file, member = inspected.table.file, inspected.table.member
        rivals = [
            t for t in tables if t.table.member == member and same_but_for_the_split(t.table.file, file)
        ]
        tested = [rival for rival in rivals if split_of(rival.table.file) == PREFERRED_SPLIT]
        if not tested or inspected in tested:
            kept.append(inspected)
    return kept
