"""What is noted in the audit log, in its words: the one list of it (ADR 0040).

Activity, which everybody sees who may see a project, is a part of the same entries.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, NamedTuple


class Deed(StrEnum):
    """What somebody has done; the value is what the log says. Sign-ins, accounts and tokens have words of their own."""

    STARTED = "started an experiment"
    FINISHED = "finished an experiment"
    STOPPED = "stopped an experiment"
    CANCELLED = "cancelled an experiment"
    DELETED = "deleted an experiment"
    JUDGED = "judged documents"
    COMMENTED = "commented"
    COMMENT_EDITED = "edited a comment"
    COMMENT_DELETED = "deleted a comment"
    DECIDED = "decided"
    IMPORTED = "imported a dataset"
    DATASET_CHANGED = "changed a dataset"
    DATASET_SET = "changed settings of a dataset"
    DATASET_DELETED = "deleted a dataset"
    EXPORTED = "exported results"
    REPORTED = "downloaded a report"
    DATASET_DOWNLOADED = "downloaded a dataset"
    BACKED_UP = "downloaded a backup"
    PRUNED = "dropped vectors"
    LETTERS_DROPPED = "dropped dead letters"
    NOTIFICATIONS_SET = "changed notifications"


ACTIVITY = (
    Deed.STARTED, Deed.FINISHED, Deed.STOPPED, Deed.CANCELLED, Deed.DELETED, Deed.JUDGED, Deed.COMMENTED, Deed.DECIDED,
    Deed.IMPORTED, Deed.DATASET_CHANGED, Deed.DATASET_DELETED,
)  # fmt: skip
"""What the list of activity shows."""
ENDS = (Deed.FINISHED, Deed.STOPPED)
"""What people are notified of."""


class About(NamedTuple):
    """What an entry is about: an experiment by its id, or a dataset by its number. Names change, these do not."""

    kind: Literal["experiment", "dataset"]
    target: str


def experiment_of(id_: str) -> About:
    """An experiment."""
    return About("experiment", id_)


def dataset_of(id_: int) -> About:
    """A dataset."""
    return About("dataset", str(id_))
