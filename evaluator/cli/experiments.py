"""The commands that run experiments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluator.cli.options import Json, Server, Workers, client, instance, read_settings
from evaluator.cli.running import resume_stored, run_file, text_of, through_outages
from evaluator.cli.terminal import (
    confirm,
    follow,
    print_json,
    print_plan,
    print_progress,
    remark,
    show_board,
)
from evaluator.domain.status import ACTIVE
from evaluator.errors import InvalidInputError

if TYPE_CHECKING:
    from evaluator.cli.running import Ran

# Commands import what they need when they run, so that `--help` is fast and nothing here imports a model.
# ruff: noqa: PLC0415

experiments_app = typer.Typer(rich_markup_mode=None)


@experiments_app.command()
def run(
    experiment: Annotated[Path, typer.Argument(help="The experiment file (YAML).")],
    workers: Workers = None,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Run an experiment, here or on a server, and print its leaderboard. A second run continues it.

    Without a server, the dataset's folder may be relative to the experiment file or to the current folder. A server
    needs the name of a dataset that it has.
    """
    _show(run_file(experiment, workers, server), json_)


@experiments_app.command()
def plan(
    experiment: Annotated[Path, typer.Argument(help="The experiment file (YAML).")],
    workers: Workers = None,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Show what running an experiment would take: cached texts, texts to encode, time, tokens, price, memory.

    Nothing is started; a dataset that is a folder is imported, as for `run`.
    """
    there = client(server)
    if there is not None:
        with there:
            record = there.plan(text_of(experiment, workers))
    else:
        record = _planned_here(experiment, workers)
    if json_:
        print_json(record)
    else:
        print_plan(record)


def _planned_here(experiment: Path, workers: int | None) -> dict[str, Any]:
    from evaluator.experiments.file_reader import read_experiment
    from evaluator.experiments.plan import plan as planned
    from evaluator.experiments.records import plan_record
    from evaluator.workspace.workspace import Workspace

    with Workspace.open_local(read_settings(workers=workers)) as workspace:
        return plan_record(planned(workspace, read_experiment(experiment), allow_paths=True))


@experiments_app.command()
def resume(
    experiment: Annotated[str | None, typer.Argument(help="Name or id. Default: the last one.")] = None,
    workers: Workers = None,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Continue an experiment, here or on a server: run its missing and failed queries."""
    _show(resume_stored(experiment, workers, server), json_)


@experiments_app.command()
def status(
    experiment: Annotated[str | None, typer.Argument(help="Name or id. Default: the last one.")] = None,
    follow_: Annotated[bool, typer.Option("--follow", help="Show the progress until it has ended.")] = False,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Show how far an experiment is."""
    from evaluator.remote.local import LocalInstance

    with instance(server) as opened:
        progress = opened.progress(experiment)
        if follow_ and progress["status"] in ACTIVE:
            if isinstance(opened, LocalInstance):
                raise InvalidInputError(
                    f"no instance works on {progress['name']!r}, so there is nothing to follow; run `evaluator resume`"
                )
            progress = follow(lambda: through_outages(lambda: opened.progress(progress["id"])))
    if json_:
        print_json(progress)
    else:
        print_progress(progress)


@experiments_app.command()
def cancel(
    experiment: Annotated[str | None, typer.Argument(help="Name or whole id. Default: the last one.")] = None,
    host: Annotated[str | None, typer.Option(help="Address of the instance. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port of the instance. Default: 8501.")] = None,
    server: Server = None,
) -> None:
    """Cancel an experiment of a running instance; its results so far stay."""
    from evaluator.operations.instance import address
    from evaluator.remote.instance import client_here

    there = None
    if host is None and port is None:
        there = client(server)
    elif server is not None:
        raise InvalidInputError("give either --server, or --host and --port")
    if there is None:
        settings = read_settings(host=host, port=port)
        there = client_here(settings, address(settings))
    with there:
        remark(f"{there.cancel(experiment)['name']} is cancelled; `evaluator resume` continues it.")


@experiments_app.command()
def delete(
    experiment: Annotated[str, typer.Argument(help="Name or whole id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")] = False,
    server: Server = None,
) -> None:
    """Delete an experiment that is not running, with its results; vectors and indexes stay."""
    with instance(server) as opened:
        found = opened.progress(experiment)
        named = f"{found['name']} ({found['id']})"
        if not yes:
            confirm(f"Delete {named} with all of its results?")
        opened.delete_experiment(experiment)
    remark(f"{named} is deleted.")


def _show(ran: Ran, json_: bool) -> None:
    show_board(ran.board, json_)
    if ran.progress is not None:
        check_outcome(ran.progress)


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
