"""Running an experiment to its end: with workers of this command's own, or on a server."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from evaluator.cli.options import client, read_settings
from evaluator.cli.terminal import follow, remark, remark_submission
from evaluator.errors import (
    ConflictError,
    InvalidInputError,
    ServerBusyError,
    ServerUnreachableError,
    UnknownNameError,
)
from evaluator.settings import Settings

if TYPE_CHECKING:
    from evaluator.experiments.lifecycle import Submitted
    from evaluator.experiments.progress import ProgressReader
    from evaluator.operations.instance import Headless
    from evaluator.remote.client import Client
    from evaluator.remote.instance import Instance
    from evaluator.workspace.workspace import Workspace

# Commands import what they need when they run, so that `--help` is fast and nothing here imports a model.
# ruff: noqa: PLC0415

PATIENCE = 2.0
"""Seconds that a command waits for planning before it shows the progress."""
LOOKING_UP = 600.0
"""Seconds that a command waits for a server that looks up models."""
OUTAGE = 60.0
"""Seconds that a server may not answer while a command follows an experiment, for example because it restarts."""

Record = dict[str, Any]


class Ran(NamedTuple):
    """An experiment that was run.

    Attributes:
        board: its leaderboard's record.
        progress: its last progress; None if all of it was recorded before.
    """

    board: Record
    progress: Record | None


class Question(NamedTuple):
    """The leaderboard to read at the end: by the first measure and compared with the best, unless others are given."""

    measure: str | None = None
    baseline: str | None = None

    def ask(self, instance: Instance, experiment: str) -> Record:
        """The leaderboard's record."""
        return instance.leaderboard(experiment, self.measure, self.baseline)


FIRST = Question()


def run_file(file: Path, workers: int | None, server: str | None, question: Question = FIRST) -> Ran:
    """Run an experiment file, or what is missing of it.

    Args:
        workers, server: options of the command.

    Raises:
        InvalidInputError: there is no such file, or its experiment is not valid.
    """
    there = client(server)
    settings = read_settings(workers=workers)
    if not file.is_file():
        raise InvalidInputError(f"there is no experiment file {file}")
    if there is not None:
        with there:
            return _run_there(there, partial(_submit_there, there, text_of(file, workers)), question)
    board = _recorded_board(settings, file, question)
    return Ran(board, None) if board else _run_here(settings, partial(_submit_file, file), question)


def resume_stored(experiment: str | None, workers: int | None, server: str | None) -> Ran:
    """Continue a stored experiment: its missing and failed queries."""
    there = client(server)
    if there is not None:
        _refuse_workers(workers)
        with there:
            return _run_there(there, partial(there.resume, experiment), FIRST)
    return _run_here(read_settings(workers=workers), partial(_resume_stored, experiment), FIRST)


def text_of(file: Path, workers: int | None) -> str:
    """The text of an experiment file for a server.

    Raises:
        InvalidInputError: it cannot be read, or workers were asked for, of which a server has its own.
    """
    _refuse_workers(workers)
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"the experiment file {file} cannot be read: {error}") from error


def _refuse_workers(workers: int | None) -> None:
    if workers is not None:
        raise InvalidInputError("--workers is for this machine; a server has workers of its own")


def _submit_there(there: Client, text: str) -> Record:
    try:
        return there.submit(text)
    except UnknownNameError as error:
        raise UnknownNameError(
            f"{error}; to send a dataset of this machine there, run `evaluator dataset import PATH --server "
            f"{there.address}`, and give the experiment its name"
        ) from error


def _run_there(there: Client, start: Callable[[], Record], question: Question) -> Ran:
    submitted = _when_looked_up(start)
    id_ = submitted["id"]
    try:
        remark_submission(submitted)
        last = follow(lambda: through_outages(lambda: there.progress(id_)))
    except KeyboardInterrupt:
        remark(
            f"Interrupted; the server continues with it. To see how far it is: `evaluator status {id_} --follow "
            f"--server {there.address}`; to stop it: `evaluator cancel {id_} --server {there.address}`."
        )
        raise
    return Ran(question.ask(there, id_), last)


def _when_looked_up(start: Callable[[], Record]) -> Record:
    """Submit, again as long as the server is still looking up models on the hub."""
    until, told = time.monotonic() + LOOKING_UP, False
    while True:
        try:
            return start()
        except ServerBusyError as error:
            if time.monotonic() + error.seconds > until:
                raise
            if not told:
                remark(f"{error} Waiting ...")
            told = True
            time.sleep(error.seconds)


def through_outages(read: Callable[[], Record]) -> Record:
    """What a server answers, perhaps only after it did not answer for a while."""
    until = time.monotonic() + OUTAGE
    while True:
        try:
            return read()
        except ServerUnreachableError:
            if time.monotonic() > until:
                raise
            time.sleep(1)


def _recorded_board(settings: Settings, file: Path, question: Question) -> Record | None:
    """The leaderboard of a completely recorded experiment, which needs no queue and no worker."""
    if not settings.database_path.exists():
        return None
    from evaluator.experiments import lifecycle
    from evaluator.experiments.file_reader import read_experiment
    from evaluator.remote.local import LocalInstance
    from evaluator.workspace.workspace import Workspace

    with Workspace.open_local(settings) as workspace:
        row = lifecycle.completed(workspace, read_experiment(file), allow_paths=True)
        if row is None:
            return None
        remark(f"{row.n_queries * len(row.spec.variants):,} queries are recorded already and skipped.")
        return question.ask(LocalInstance(workspace), row.id)


def _submit_file(file: Path, workspace: Workspace) -> Submitted:
    from evaluator.experiments import lifecycle
    from evaluator.experiments.file_reader import read_experiment

    return lifecycle.submit(workspace, read_experiment(file), allow_paths=True, patience=PATIENCE)


def _resume_stored(experiment: str | None, workspace: Workspace) -> Submitted:
    from evaluator.experiments import lifecycle

    row = lifecycle.find(workspace, experiment)
    return lifecycle.resume(workspace, row, allow_paths=True, patience=PATIENCE)


def _progress(instance: Headless, reader: ProgressReader, id_: str) -> Record:
    instance.supervisor.require_workers()
    return dataclasses.asdict(reader.read(id_))


def _run_here(settings: Settings, start: Callable[[Workspace], Submitted], question: Question) -> Ran:
    """Run an experiment with a queue and workers of its own."""
    from evaluator.operations.instance import headless

    with headless(settings, settings.workers) as instance:
        workspace = instance.workspace
        submitted = start(workspace)  # its imports run while the first worker starts
        instance.start_workers(submitted)
        remark_submission(dataclasses.asdict(submitted))
        from evaluator.experiments import lifecycle
        from evaluator.experiments.progress import progress_reader
        from evaluator.remote.local import LocalInstance

        reader = progress_reader(workspace)
        try:
            last = follow(partial(_progress, instance, reader, submitted.id))
        except KeyboardInterrupt:
            with suppress(ConflictError):  # it has just finished
                lifecycle.cancel(workspace, lifecycle.find(workspace, submitted.id))
            remark("Interrupted; what is evaluated is kept. Run the same command again to continue.")
            raise
        return Ran(question.ask(LocalInstance(workspace), submitted.id), last)
