"""The commands that run experiments."""

from __future__ import annotations

import dataclasses
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluator.cli.options import Json, Workers, instance, read_settings
from evaluator.cli.terminal import (
    confirm,
    follow,
    print_json,
    print_plan,
    remark,
    remark_submission,
    show_board,
)
from evaluator.errors import ConflictError, InvalidInputError
from evaluator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from evaluator.experiments.lifecycle import Submitted
    from evaluator.experiments.progress import ProgressReader
    from evaluator.operations.instance import Headless
    from evaluator.workspace.workspace import Workspace

# Commands import what they need when they run, so that `--help` is fast and nothing here imports a model.
# ruff: noqa: PLC0415

experiments_app = typer.Typer(rich_markup_mode=None)


PATIENCE = 2.0
"""Seconds that a command waits for planning before it shows the progress."""


@experiments_app.command()
def run(
    experiment: Annotated[Path, typer.Argument(help="The experiment file (YAML).")],
    workers: Workers = None,
    json_: Json = False,
) -> None:
    """Run an experiment without a server, and print its leaderboard. A second run continues it.

    The dataset's folder may be relative to the experiment file or to the current folder.
    """
    settings = read_settings(workers=workers)
    if not experiment.is_file():
        raise InvalidInputError(f"there is no experiment file {experiment}")
    from functools import partial

    board = _recorded_board(settings, experiment)
    if board is None:
        _run_headless(settings, partial(_submit_file, experiment), json_)
    else:
        show_board(board, json_)


@experiments_app.command()
def plan(
    experiment: Annotated[Path, typer.Argument(help="The experiment file (YAML).")],
    workers: Workers = None,
    json_: Json = False,
) -> None:
    """Show what running an experiment would take: cached texts, texts to encode, time, tokens, price, memory.

    Nothing is started; a dataset that is a folder is imported, as for `run`.
    """
    from evaluator.experiments.file_reader import read_experiment
    from evaluator.experiments.plan import plan as planned
    from evaluator.experiments.records import plan_record
    from evaluator.workspace.workspace import Workspace

    with Workspace.open_local(read_settings(workers=workers)) as workspace:
        record = plan_record(planned(workspace, read_experiment(experiment), allow_paths=True))
    if json_:
        print_json(record)
    else:
        print_plan(record)


@experiments_app.command()
def resume(
    experiment: Annotated[str | None, typer.Argument(help="Name or id. Default: the last one.")] = None,
    workers: Workers = None,
    json_: Json = False,
) -> None:
    """Continue an experiment without a server: run its missing and failed queries."""
    from functools import partial

    _run_headless(read_settings(workers=workers), partial(_resume_stored, experiment), json_)


@experiments_app.command()
def cancel(
    experiment: Annotated[str | None, typer.Argument(help="Name or whole id. Default: the last one.")] = None,
    host: Annotated[str | None, typer.Option(help="Address of the instance. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the instance. Default: 8501.")] = None,
) -> None:
    """Cancel an experiment of a running instance; its results so far stay."""
    from evaluator.operations.instance import address
    from evaluator.remote.client import Client

    with Client(address(read_settings(host=host, port=port))) as client:
        remark(f"{client.cancel(experiment)['name']} is cancelled; `evaluator resume` continues it.")


@experiments_app.command()
def delete(
    experiment: Annotated[str, typer.Argument(help="Name or whole id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")] = False,
) -> None:
    """Delete an experiment that is not running, with its results; vectors and indexes stay."""
    with instance() as opened:
        found = opened.progress(experiment)
        named = f"{found['name']} ({found['id']})"
        if not yes:
            confirm(f"Delete {named} with all of its results?")
        opened.delete_experiment(experiment)
    remark(f"{named} is deleted.")


def _recorded_board(settings: Settings, experiment: Path) -> dict[str, Any] | None:
    """The leaderboard of a completely recorded experiment, which needs no queue and no worker."""
    if not settings.database_path.exists():
        return None
    from evaluator.analysis.leaderboard import leaderboard, leaderboard_record
    from evaluator.experiments import lifecycle
    from evaluator.experiments.file_reader import read_experiment
    from evaluator.workspace.workspace import Workspace

    with Workspace.open_local(settings) as workspace:
        row = lifecycle.completed(workspace, read_experiment(experiment), allow_paths=True)
        if row is None:
            return None
        remark(f"{row.n_queries * len(row.spec.variants):,} queries are recorded already and skipped.")
        return leaderboard_record(leaderboard(workspace, row))


def _submit_file(experiment: Path, workspace: Workspace) -> Submitted:
    from evaluator.experiments import lifecycle
    from evaluator.experiments.file_reader import read_experiment

    return lifecycle.submit(workspace, read_experiment(experiment), allow_paths=True, patience=PATIENCE)


def _resume_stored(experiment: str | None, workspace: Workspace) -> Submitted:
    from evaluator.experiments import lifecycle

    row = lifecycle.find(workspace, experiment)
    return lifecycle.resume(workspace, row, allow_paths=True, patience=PATIENCE)


def _progress(instance: Headless, reader: ProgressReader, id_: str) -> dict[str, Any]:
    instance.supervisor.require_workers()
    return dataclasses.asdict(reader.read(id_))


def _run_headless(settings: Settings, start: Callable[[Workspace], Submitted], json_: bool) -> None:
    """Run an experiment with a queue and workers of its own, and print its leaderboard."""
    from functools import partial

    from evaluator.operations.instance import headless

    with headless(settings, settings.workers) as instance:
        workspace = instance.workspace
        submitted = start(workspace)  # its imports run while the first worker starts
        instance.start_workers(submitted)
        remark_submission(dataclasses.asdict(submitted))
        from evaluator.analysis.leaderboard import leaderboard, leaderboard_record
        from evaluator.experiments import lifecycle
        from evaluator.experiments.progress import progress_reader

        reader = progress_reader(workspace)
        try:
            last = follow(partial(_progress, instance, reader, submitted.id))
        except KeyboardInterrupt:
            with suppress(ConflictError):  # it has just finished
                lifecycle.cancel(workspace, lifecycle.find(workspace, submitted.id))
            remark("Interrupted; what is evaluated is kept. Run the same command again to continue.")
            raise
        board = leaderboard_record(leaderboard(workspace, lifecycle.find(workspace, submitted.id)))
    show_board(board, json_)
    check_outcome(last)


def check_outcome(progress: dict[str, Any]) -> None:
    """Report missing and failed results, and exit with 1 if there are any."""
    if progress["reason"]:
        remark(f"error: stopped: {progress['reason']}; to continue, raise the budget and run it again")
    broken = [variant for variant in progress["variants"] if variant["error"]]
    for variant in broken:
        remark(f"error: {variant['variant']}: {variant['error']}")
    failed = sum(variant["failed"] for variant in progress["variants"])
    if failed:
        remark(f"error: {failed} queries failed; they are not averaged in")
    if broken or failed or progress["reason"]:
        raise typer.Exit(1)
