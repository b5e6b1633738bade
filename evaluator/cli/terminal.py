"""The terminal: data as tables on standard output, progress and remarks on standard error.

Only this module prints, so that all text reaches a terminal through `domain.printable`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TextIO

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from evaluator.domain.printable import on_terminal, shown_json
from evaluator.domain.status import ACTIVE
from evaluator.errors import EvaluatorError

FIRST_POLL, LONGEST_POLL = 0.02, 0.3
"""Seconds between two reads of an experiment's progress; they grow, so that a small experiment ends at once."""

TELL_EVERY = 10.0
"""Seconds between two lines of progress, if no bar can be drawn."""
WORTH_TELLING = 2.0
"""A stage's speed is printed if it takes more seconds than this."""

FILE_WIDTH = 200
"""The width of a table in a file or a pipe, in characters."""

console = Console(stderr=True, highlight=False)


def remark(message: str) -> None:
    """Print a line for people, on standard error."""
    console.print(Text(on_terminal(message)), soft_wrap=True)


def say(text: object) -> None:
    """Print a line of data for people, on standard output."""
    with _output():
        typer.echo(on_terminal(str(text)))


def confirm(question: str) -> None:
    """Ask whether to continue.

    Raises:
        Abort: the answer is no; the command ends.
    """
    typer.confirm(on_terminal(question), abort=True, err=True)


def ask_secret(question: str) -> str:
    """Ask for a text that is not shown while it is typed."""
    answer: str = typer.prompt(on_terminal(question), hide_input=True, err=True)
    return answer


def print_json(value: Any) -> None:
    """Print data for programs, on standard output."""
    with _output():
        typer.echo(shown_json(value, indent=2))


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], caption: str = ""
) -> None:
    """Print a table for people, on standard output: numbers right-aligned, floats with four decimals."""
    table = Table(
        title=_text(title, "table.title"),
        caption=_text(caption, "table.caption") if caption else None,
        title_justify="left",
        caption_justify="left",
    )
    body = [list(row) for row in rows]
    for place, column in enumerate(columns):
        numeric = all(isinstance(row[place], int | float) or row[place] is None for row in body) and bool(
            body
        )
        table.add_column(_text(column), justify="right" if numeric else "left", overflow="fold")
    for row in body:
        table.add_row(*(_text(_cell(value)) for value in row))
    with _output() as output:
        Console(highlight=False, width=None if output.isatty() else FILE_WIDTH).print(table)


@contextmanager
def _output() -> Iterator[TextIO]:
    """Standard output. If its reader has closed it, as `head` does, the command ends silently.

    Raises:
        EvaluatorError: it cannot be written: it is closed, or its disk is full.
    """
    if sys.stdout is None:
        raise EvaluatorError("standard output is closed; send it to a file, or to /dev/null")
    try:
        yield sys.stdout
    except BrokenPipeError:
        raise
    except OSError as error:
        raise EvaluatorError(f"standard output cannot be written: {error.strerror}") from error


def _text(text: str, style: str = "") -> Text:
    """Text without markup: in a plain string, `rich` would interpret it."""
    return Text(on_terminal(text), style=style)


def _cell(value: object) -> str:
    if value is None or value != value:  # NaN
        return "–"
    if isinstance(value, float):
        return f"{value:.4f}"
    return str(value)


def follow(read: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Draw an experiment's progress until it is no longer running; returns the last progress.

    Args:
        read: returns the progress as plain JSON types (`ExperimentProgress`).
    """
    columns = (
        TextColumn("{task.description:<12}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
    )
    with Progress(*columns, console=console, transient=False) as bars:
        planning = bars.add_task("planning", total=None, rate="", visible=False)
        encoding = bars.add_task("encoding", total=None, rate="", visible=False)
        searching = bars.add_task("searching", total=None, rate="", visible=False)
        evaluating = bars.add_task("evaluating", total=None, rate="")
        poll = FIRST_POLL
        while True:
            progress = read()
            encoders, searches, variants = progress["encoders"], progress["searches"], progress["variants"]
            planned = progress["planning"] or {"texts": 0, "total": 0}
            texts, texts_total = sum(e["done"] for e in encoders), sum(e["total"] for e in encoders)
            done = sum(v["total"] if v["error"] else v["recorded"] for v in variants)
            left = _left(progress["seconds_left"])
            bars.update(
                planning,
                completed=planned["texts"],
                total=planned["total"] or None,
                visible=bool(planned["total"]),
                rate="texts" if planned["total"] else "",
            )
            bars.update(
                encoding,
                completed=texts,
                total=texts_total,
                visible=bool(encoders),
                rate=_rate(progress["texts_per_second"], "texts/s", left if texts < texts_total else ""),
            )
            bars.update(
                searching,
                completed=sum(s["done"] for s in searches),
                total=sum(s["total"] for s in searches),
                visible=bool(searches),
            )
            bars.update(
                evaluating,
                completed=done,
                total=sum(v["total"] for v in variants),
                rate=_rate(progress["queries_per_second"], "queries/s", left if texts >= texts_total else ""),
            )
            if progress["status"] not in ACTIVE:
                return progress
            time.sleep(poll)
            poll = min(poll * 1.2, LONGEST_POLL)


class Stages:
    """A context manager that shows the running stage and its progress.

    A terminal shows them live; a file or a pipe gets a line from time to time.

    Args:
        counted: the unit of progress.
    """

    def __init__(self, counted: str = "documents") -> None:
        self._counted = counted
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description} {task.fields[count]}"),
            TimeElapsedColumn(),
        )
        self._live = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self._task = self._live.add_task("", total=None, count="")
        self._stage, self._done, self._began, self._reported_at = "", 0, 0.0, 0.0
        self._total: int | None = None

    def __enter__(self) -> Stages:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()
        self._tell_end()

    def stage(self, name: str) -> None:
        """Show that a stage begins, such as `reading`."""
        self._tell_end()
        self._stage, self._done, self._total = name, 0, None
        self._began = self._reported_at = time.monotonic()
        self._live.update(self._task, description=f"{name} ...", count="")

    def count(self, done: int, total: int | None = None) -> None:
        """Show the number of units done, and how long the rest takes if their total is known."""
        self._done, self._total = done, total
        self._live.update(self._task, count=self._so_far())
        if self._live.disable and time.monotonic() - self._reported_at > TELL_EVERY:
            self._reported_at = time.monotonic()
            remark(f"{self._stage}: {self._so_far()}")

    def _so_far(self) -> str:
        rate = self._done / max(time.monotonic() - self._began, 1e-3)
        total, left = "", ""
        if self._total is not None and self._done < self._total:
            total = f" of {self._total:,}"
            left = f", {_left((self._total - self._done) / rate)}" if rate else ""
        return f"{self._done:,}{total} {self._counted}, {rate:,.0f} a second{left}"

    def _tell_end(self) -> None:
        """Print the count and the speed of the last stage, if it took a while."""
        seconds = time.monotonic() - self._began
        if self._done and seconds > WORTH_TELLING:
            remark(f"{self._stage}: {self._so_far()}, {seconds:.0f} s")


def _rate(rate: float | None, unit: str, left: str) -> str:
    return " ".join(part for part in (f"{rate:,.0f} {unit}" if rate else "", left) if part)


def _left(seconds: float | None) -> str:
    if not seconds:
        return ""
    minutes, rest = divmod(int(seconds) + 1, 60)
    return f"about {minutes} min {rest} s left" if minutes else f"about {rest} s left"


def remark_submission(submitted: dict[str, Any]) -> None:
    """Print the work to do, from `Submitted` as plain JSON types."""
    for stage in submitted["encoding"]:
        if stage["texts"]:
            remark(
                f"{stage['encoder'].partition('|')[0]}: {stage['to_encode']:,} of {stage['texts']:,} texts to encode"
            )
    if submitted["skipped"]:
        remark(f"{submitted['skipped']:,} queries are recorded already and skipped.")
    remark(f"{submitted['to_evaluate']:,} queries to evaluate.")


def print_progress(progress: dict[str, Any]) -> None:
    """Print an experiment's progress as a table."""
    rows = [(v["variant"], v["recorded"], v["failed"], v["total"], v["error"]) for v in progress["variants"]]
    title = f"{progress['name']} ({progress['id']}) is {progress['status']}"
    print_table(title, ("variant", "recorded", "failed", "of", "error"), rows)
    for sentence in filter(None, (progress["reason"], progress["trouble"])):
        remark(sentence)


def show_board(board: dict[str, Any], json_: bool) -> None:
    """Print a leaderboard's record, for programs or for people."""
    if json_:
        print_json(board)
    else:
        print_board(board)


def print_board(board: dict[str, Any]) -> None:
    """Print a leaderboard's record as a table."""
    experiment, measure = board["experiment"], board["measure"]
    measures = [measure, *(m for m in experiment["measures"] if m != measure), "Judged@10"]
    rows = [
        (v["variant"], *(v[m] for m in measures), v["ms_per_query"], v["scored"], v["failed"])
        for v in board["variants"]
    ]
    print_table(
        f"{experiment['name']} on {experiment['dataset']}",
        ("variant", *measures, "ms/query", "scored", "failed"),
        rows,
        f"means over the {board['compared']} queries that all variants completed; ranking policy {board['policy']}",
    )
    for sentence in board["remarks"]:
        remark(sentence)


def show_history(history: dict[str, Any]) -> None:
    """Print a history's record as a table, newest first."""
    rows = []
    for point in reversed(history["points"]):
        step = point["step"] or {"difference": None, "corrected": None, "outcome": "first", "changed": []}
        rows.append(
            (
                point["at"][:16].replace("T", " "),
                point["version"],
                point["variant"],
                point["score"],
                step["difference"],
                step["corrected"],
                step["outcome"],
                ", ".join(step["changed"]),
            )
        )
    columns = (
        "when (UTC)",
        "version",
        "variant",
        history["measure"],
        "difference",
        "p",
        "since before",
        "changed",
    )
    print_table(history["dataset"], columns, rows)


def print_plan(plan: dict[str, Any]) -> None:
    """Print a plan's record: a table of what must be encoded and reranked, and the sums below it."""
    rows = [
        (
            part["encoder"],
            part["of"],
            part["texts"],
            part["cached"],
            part["to_encode"],
            part["tokens"],
            _rough(part),
        )
        for part in plan["encodings"]
    ]
    rows += [
        (
            part["model"],
            f"pairs of {part['variant']}",
            part["pairs"],
            0,
            part["pairs"],
            part["tokens"],
            _rough(part),
        )
        for part in plan["reranking"]
    ]
    columns = ("model", "of", "texts", "cached", "to do", "tokens", "seconds")
    say(f"{len(plan['variants'])} variants: {', '.join(plan['variants'])}")
    print_table("", columns, rows)
    for shared in plan["shared"]:
        say(f"{shared}.")
    for use in plan["words"]:
        for sentence in (use["choice"], *use["remarks"]):
            say(sentence)
    say(
        f"{plan['to_evaluate']:,} queries to evaluate, {plan['recorded']:,} recorded already. "
        f"About {plan['seconds']:,.0f} s with {plan['workers']} workers"
        f"{'' if plan['measured'] else ', roughly: not all of these models have been measured here'}."
    )
    if plan["usd"] is not None:
        say(f"About {plan['usd']:.4f} USD.")
    if plan["memory"] is not None:
        say(f"About {plan['memory'] / 1e6:,.1f} MB of vectors.")


def _rough(part: dict[str, Any]) -> str:
    return f"{part['seconds']:,.1f}"
