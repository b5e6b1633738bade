"""The command that compares variants with a baseline, for pull requests and nightly jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from evaluator.cli.options import Json, Server, Workers, instance
from evaluator.cli.running import Question, run_file
from evaluator.cli.terminal import print_json, say
from evaluator.errors import EvaluatorError, InvalidInputError, NotEvaluatedError

if TYPE_CHECKING:
    from evaluator.analysis.gate import Undecided

# Commands import what they need when they run, so that `--help` is fast.
# ruff: noqa: PLC0415

FILES = (".yaml", ".yml")
"""Endings of experiment files: a name that ends in one of them is no experiment's."""

gate_app = typer.Typer(rich_markup_mode=None)


@gate_app.command()
def gate(
    experiment: Annotated[
        str,
        typer.Argument(
            metavar="FILE|EXPERIMENT", help="An experiment file to run, or a finished experiment."
        ),
    ],
    baseline: Annotated[
        str, typer.Option(help="The variant to compare with, such as the one in production.")
    ],
    max_loss: Annotated[
        float, typer.Option(help="The largest loss allowed, in the measure's own unit, such as 0.01.")
    ],
    measure: Annotated[str | None, typer.Option(help="The measure. Default: the experiment's first.")] = None,
    variant: Annotated[
        list[str] | None,
        typer.Option(help="A variant to compare; may be given several times. Default: all others."),
    ] = None,
    undecided: Annotated[
        str, typer.Option(help="fail or pass: what becomes of a comparison that the data do not decide.")
    ] = "fail",
    workers: Workers = None,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Fail if a variant loses more against a baseline than is allowed; prints Markdown.

    Exit codes: 0 it passes; 1 a regression, or undecided with `--undecided fail`; 2 invalid input; 3 it could not be
    evaluated.
    """
    from evaluator.analysis.gate import gate_of, gate_text, require_options

    require_options(max_loss, undecided)
    allowed: Undecided = "pass" if undecided == "pass" else "fail"
    chosen, file = variant or [], Path(experiment)
    question = Question(measure, baseline)
    with _evaluated():
        if file.is_file() or file.suffix in FILES:
            _require_described(file, baseline, chosen, measure)
            board = run_file(file, workers, server, question).board
        else:
            board = _recorded(experiment, workers, server, question)
        found = gate_of(board, max_loss, chosen, allowed)
    if json_:
        print_json(found.to_json())
    else:
        say(gate_text(found))
    if found.verdict == "not evaluated":
        raise typer.Exit(3)
    if not found.passed:
        raise typer.Exit(1)


@contextmanager
def _evaluated() -> Iterator[None]:
    """Turn failures into the one error that no caller takes for a regression."""
    try:
        yield
    except InvalidInputError:
        raise
    except (EvaluatorError, OSError) as error:
        raise NotEvaluatedError(f"the gate could not be evaluated: {error}") from error


def _recorded(experiment: str, workers: int | None, server: str | None, question: Question) -> dict[str, Any]:
    if workers is not None:
        raise InvalidInputError("--workers is for an experiment file; a stored experiment is not run")
    with instance(server) as opened:
        return question.ask(opened, experiment)


def _require_described(file: Path, baseline: str, variants: list[str], measure: str | None) -> None:
    """Check before the work that the experiment has what is to be compared.

    Raises:
        InvalidInputError: the file is not valid, or lacks a variant or the measure.
    """
    from evaluator.analysis.gate import require_variants
    from evaluator.domain.measures.scoring import canonical_measures
    from evaluator.experiments.file_reader import read_experiment

    if not file.is_file():
        raise InvalidInputError(f"there is no experiment file {file}")
    described = read_experiment(file)
    require_variants([of.name for of in described.all_variants], baseline, variants)
    if measure is not None and canonical_measures([measure])[0] not in described.measures:
        raise InvalidInputError(
            f"{file} does not compute {measure}; it computes {', '.join(described.measures)}"
        )
