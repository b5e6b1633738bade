"""Following: after an edit of judgments, finished experiments come to the new version, each once (ADR 0029).

An edit is kept in the database until they have: whoever edits lets them follow, and the keeper does where that failed
or its process was killed.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from functools import partial

from evaluator.domain.records import DatasetRow
from evaluator.errors import EvaluatorError, NotRescoredError
from evaluator.judging.rescore import Rescoring
from evaluator.store.steps import edited_datasets, end_step, first_step
from evaluator.workspace.workspace import Workspace

FOLLOWING = threading.Lock()
"""Held while experiments follow; edits that are saved meanwhile come next."""
A_LOOK = 5.0
"""Seconds of a keeper's look for a dataset's experiments."""

Guard = Callable[[Callable[[], object], str | None], object]
"""Does something for an experiment (its id), or for none, and keeps what goes wrong from what is done for others."""


def follow(workspace: Workspace, row: DatasetRow) -> None:
    """Let finished experiments follow every edit of a dataset so far; who edits meanwhile need not wait.

    Raises:
        NotRescoredError: one cannot; the keeper tries again.
    """
    with FOLLOWING:
        try:
            _follow(workspace, row.id)
        except Exception as error:
            reason = error if isinstance(error, EvaluatorError) else f"{type(error).__name__}: {error}"
            raise NotRescoredError(
                f"the judgments are saved; experiments over {row.name!r} are not yet rescored by its version "
                f"{row.version}, which is tried again every few seconds: {reason}"
            ) from error


def follow_left(workspace: Workspace, guard: Guard, stopped: Callable[[], bool]) -> None:
    """Let experiments follow the edits that are left, unless somebody is at it; some seconds for each dataset.

    An experiment that fails is tried again the next time. Later edits of its dataset wait for it, and nothing else.

    Args:
        guard: around what is done for one dataset, and for one experiment.
        stopped: whether the rest is left to the next time.
    """
    if not FOLLOWING.acquire(blocking=False):
        return
    try:
        for dataset in edited_datasets(workspace.database):
            guard(partial(_follow, workspace, dataset, guard, stopped, A_LOOK), None)
    finally:
        FOLLOWING.release()


def _follow(
    workspace: Workspace,
    dataset: int,
    guard: Guard = lambda duty, _experiment: duty(),
    stopped: Callable[[], bool] = lambda: False,
    seconds: float = math.inf,
) -> None:
    """Work off a dataset's edits in their order; where the time is over, one experiment has followed at least."""
    until = time.monotonic() + seconds
    while (step := first_step(workspace.database, dataset)) is not None:
        rescoring = Rescoring(workspace, step)
        waiting = rescoring.waiting()
        for row in waiting:
            if stopped() or (rescoring.followed and time.monotonic() > until):
                return
            guard(partial(rescoring.follow, row), row.id)
        if len(rescoring.followed) < len(waiting):
            return
        end_step(workspace.database, step)
