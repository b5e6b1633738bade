"""The command line: every command calls a service and prints the result.

Exit codes: 0 success, 1 failure, 2 wrong usage or invalid input, 3 a gate that could not be evaluated.
"""

from __future__ import annotations

import dataclasses
import errno
import os
import signal
import sys
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluator import __version__
from evaluator.cli import additions  # noqa: F401  its command belongs to `dataset`
from evaluator.cli.backups import backups_app
from evaluator.cli.datasets import dataset_app
from evaluator.cli.dead_letters import dead_letters_app
from evaluator.cli.experiments import check_outcome, experiments_app
from evaluator.cli.gate import gate_app
from evaluator.cli.options import Json, Workers, read_settings
from evaluator.cli.people.accounts import account_app
from evaluator.cli.people.projects import project_app
from evaluator.cli.people.share_links import share_app
from evaluator.cli.results import results_app
from evaluator.cli.servers.login import login_app
from evaluator.cli.terminal import (
    Stages,
    follow,
    print_board,
    print_json,
    print_table,
    remark,
    remark_submission,
    say,
)
from evaluator.cli.vectors import vectors_app
from evaluator.errors import EvaluatorError, InvalidInputError, NotEvaluatedError, WorkersFailedError
from evaluator.proxies import except_here
from evaluator.urls import hide_passwords
from evaluator.workspace.acting import in_project

if TYPE_CHECKING:
    from collections.abc import Callable


# Commands import what they need when they run, so that `--help` is fast and nothing here imports a model.
# ruff: noqa: PLC0415

app = typer.Typer(
    help="Decide which embedding model and retrieval strategy to ship, measured on your own data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(experiments_app)
app.add_typer(results_app)
app.add_typer(gate_app)
app.add_typer(login_app)
app.add_typer(backups_app)
app.add_typer(dataset_app, name="dataset")
app.add_typer(vectors_app, name="vectors")
app.add_typer(dead_letters_app, name="dead-letters")
app.add_typer(account_app, name="account")
app.add_typer(project_app, name="project")
app.add_typer(share_app, name="share")

OUTSIDE = frozenset(
    (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EMFILE, errno.ENFILE,
     errno.EFBIG, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP)
)  # fmt: skip
"""Errors of disks and permissions, which are no defects of this software."""

LOOK_EVERY = 1.0
"""Seconds between two checks that workers start."""

AnyWorkers = Annotated[
    int | None,
    typer.Option(min=0, help="Worker processes; 0 if all workers run elsewhere. Default: min(5, cores)."),
]


_signals: SimpleQueue[int] = SimpleQueue()
"""Received termination signals; its `put` may be called within a signal handler."""


def main() -> None:
    """Run the command line; turn errors into one line and an exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):  # SIGINT too, which shells disable for background jobs
        signal.signal(number, _interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # not under `nohup`
        signal.signal(signal.SIGHUP, _interrupt)
    except_here()
    try:
        app()
    except InvalidInputError as error:
        _fail(error, 2)
    except NotEvaluatedError as error:
        _fail(error, 3)
    except EvaluatorError as error:
        _fail(error, 1)
    except OSError as error:
        if error.errno not in OUTSIDE:
            raise
        # Only the library prints help.
        written = "standard output" if "--help" in sys.argv else "a file"
        _fail(f"{error.filename or written} cannot be used: {error.strerror}; mend that and try again", 1)
    except KeyboardInterrupt:
        sys.exit(130)


def _interrupt(number: int, frame: FrameType | None) -> None:
    _signals.put(number)  # Python also drops exceptions raised in callbacks of weak references
    if _in_finalizer(frame):  # Python would drop the exception here: try again after the finalizer
        threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
        return
    if number == signal.SIGHUP:  # shell and terminal may both send it; one is enough for an orderly stop
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    raise KeyboardInterrupt


def _in_finalizer(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    return frame is not None


def _fail(error: Exception | str, code: int) -> None:
    remark(f"error: {hide_passwords(str(error))}")
    sys.exit(code)


def _version(show: bool) -> None:
    if show:
        say(__version__)
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
    project: Annotated[
        str | None,
        typer.Option(
            envvar="EVALUATOR_PROJECT", help="The project to work in. Default: main, or your first one."
        ),
    ] = None,
) -> None:
    """Decide which embedding model and retrieval strategy to ship, measured on your own data."""
    if project:
        context.with_resource(in_project(project))


@app.command()
def demo(
    serve: Annotated[bool, typer.Option(help="Keep serving the web page after the table.")] = True,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    workers: Workers = None,
) -> None:
    """Evaluate five variants on the documentation of Python's standard library, and show their leaderboard."""
    from evaluator.operations.instance import served
    from evaluator.remote.instance import client_here

    settings = read_settings(host=host, port=port, workers=workers)
    remark("Starting ...")
    with served(settings, settings.workers) as instance:
        with client_here(settings, instance.address) as client:
            submitted = client.start_demo()
            remark_submission(submitted)

            def progress() -> dict[str, Any]:
                instance.supervisor.require_workers()
                return client.progress(submitted["id"])

            last = follow(progress)
            print_board(client.leaderboard(submitted["id"]))
        check_outcome(last)
        if serve:
            remark(f"\nThe leaderboard is at {instance.address} . Ctrl-C stops everything; nothing is lost.")
            _wait_for_interrupt(_report_once(instance.supervisor.require_workers))


@app.command()
def up(
    host: Annotated[str | None, typer.Option(help="Address to listen on. Default: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on. Default: 8501.")] = None,
    workers: AnyWorkers = None,
) -> None:
    """Run Valkey, workers and the web server, supervised, until Ctrl-C."""
    from evaluator.operations.instance import served

    settings = read_settings(host=host, port=port, workers=workers)
    remark("Starting ...")
    with served(settings, settings.workers) as instance:
        remark(
            f"Serving at {instance.address} with {settings.workers} workers. Ctrl-C stops everything; nothing is lost."
        )
        _wait_for_interrupt(_report_once(instance.supervisor.require_workers))


@app.command()
def worker(
    count: Annotated[
        int | None, typer.Option(min=1, help="Worker processes. Default: min(5, cores).")
    ] = None,
) -> None:
    """Run workers only, for another terminal or another machine (REDIS_URL, EVALUATOR_ARTIFACTS)."""
    from evaluator.operations.instance import workers_only

    settings = read_settings(workers=count)
    with workers_only(settings, settings.workers) as supervisor:
        remark(f"{settings.workers} workers on {settings.shown_queue}. Ctrl-C stops them.")
        _wait_for_interrupt(supervisor.require_workers)


@app.command()
def doctor(
    artifacts: Annotated[
        bool, typer.Option("--artifacts", help="Also read every artifact, to find damaged ones.")
    ] = False,
    json_: Json = False,
) -> None:
    """Check versions, queue, artifact store, database, model and cores; say how to fix problems."""
    from evaluator.operations.doctor import examine

    settings = read_settings()

    def datasets() -> list[dict[str, Any]]:
        from evaluator.remote.instance import open_instance

        with open_instance(settings) as instance:
            return instance.datasets()

    with Stages("artifacts") as stages:
        stages.stage("looking")
        checks = list(examine(settings, stages.count if artifacts else None, datasets))
    if json_:
        print_json([dataclasses.asdict(check) for check in checks])
    else:
        rows = [
            (
                "ok" if check.well else "WRONG",
                check.name,
                check.detail + (f"\n-> {check.advice}" if check.advice and not check.well else ""),
            )
            for check in checks
        ]
        print_table("", ("", "check", "finding"), rows)
    if not all(check.well for check in checks):
        raise typer.Exit(1)


def _wait_for_interrupt(look: Callable[[], None] = lambda: None) -> None:
    """Wait for a signal; meanwhile call `look` repeatedly, and let its errors end the command."""
    with suppress(KeyboardInterrupt):
        while True:
            with suppress(Empty):
                _signals.get(timeout=LOOK_EVERY)
                break
            look()
    remark("Stopping ...")


def _report_once(require: Callable[[], None]) -> Callable[[], None]:
    """Report once that workers fail, and continue: pages still work, and workers are restarted."""
    reported = False

    def look() -> None:
        nonlocal reported
        try:
            require()
        except WorkersFailedError as error:
            if not reported:
                remark(f"error: {error}")
            reported = True

    return look


if __name__ == "__main__":
    main()
