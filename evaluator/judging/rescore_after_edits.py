"""Following: after an edit of judgments, finished experiments are rescored for the new version, each once (ADR 0029).

An edit stays in the database until its experiments are rescored. The process that saves the edit rescores them; if
that fails or the process is killed, the keeper does.
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
"""Held while experiments are rescored; edits that are saved in the meantime come next."""
SECONDS_PER_DATASET = 5.0
"""Seconds that the keeper spends on one dataset before it turns to the next."""

Guard = Callable[[Callable[[], object], str | None], object]
"""Runs a function for an experiment (its id) or for none, so that its failure does not affect other experiments."""


def follow(workspace: Workspace, row: DatasetRow) -> None:
    """Rescore finished experiments after all edits of a dataset so far.

    Raises:
        NotRescoredError: rescoring failed; the keeper tries again.
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
    """Rescore experiments after the remaining edits, unless another thread is; takes a few seconds for each dataset.

    An experiment that fails is tried again with the next call. Only later edits of its dataset wait for it.

    Args:
        workspace: the workspace.
        guard: wraps the work on a dataset, and on an experiment.
        stopped: whether to leave the rest to the next call.
    """
    if not FOLLOWING.acquire(blocking=False):
        return
    try:
        for dataset in edited_datasets(workspace.database):
            guard(partial(_follow, workspace, dataset, guard, stopped, SECONDS_PER_DATASET), None)
    finally:
        FOLLOWING.release()


def _follow(
    workspace: Workspace,
    dataset: int,
    guard: Guard = lambda duty, _experiment: duty(),
    stopped: Callable[[], bool] = lambda: False,
    seconds: float = math.inf,
) -> None:
    """Rescore after a dataset's edits, in their order; at least one experiment is rescored, even if the time is up."""
    deadline = time.monotonic() + seconds
    while (step := first_step(workspace.database, dataset)) is not None:
        rescoring = Rescoring(workspace, step)
        waiting = rescoring.waiting()
        for row in waiting:
            if stopped() or (rescoring.followed and time.monotonic() > deadline):
                return
            guard(partial(rescoring.follow, row), row.id)
        if len(rescoring.followed) < len(waiting):
            return
        end_step(workspace.database, step)
