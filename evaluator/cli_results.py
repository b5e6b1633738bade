"""The commands that print what is recorded: thin, like `cli`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from evaluator.cli_options import Json, read_settings
from evaluator.errors import InvalidInputError
from evaluator.terminal import print_json, print_table, remark, show_board

# Commands import what they need when they run: `--help` answers at once, and nothing here imports a model.
# ruff: noqa: PLC0415

POLL = 0.2
"""Seconds between looks at measurements."""

results_app = typer.Typer(rich_markup_mode=None)


@results_app.command()
def failures(
    experiment: Annotated[str | None, typer.Argument(help="Name or id. Default: the last one.")] = None,
    json_: Json = False,
) -> None:
    """List the queries of an experiment that failed, and why; `evaluator resume` tries them again."""
    from evaluator.services import experiments
    from evaluator.services.overview import failures as failed
    from evaluator.services.workspace import Workspace

    with Workspace.open_local(read_settings()) as workspace:
        records = failed(workspace, experiments.find(workspace, experiment)).to_dict("records")
    if json_:
        print_json(records)
    else:
        print_table("", ("variant", "query", "error"), [tuple(record.values()) for record in records])


@results_app.command()
def costs(
    experiment: Annotated[str | None, typer.Argument(help="Name or id. Default: the last one.")] = None,
    json_: Json = False,
) -> None:
    """Measure what an experiment's variants cost, if that is not known yet, and print it. Needs no server."""
    from evaluator.services import experiments
    from evaluator.services.costs import cost_rows, measure_finished, to_measure
    from evaluator.services.instance import headless

    with headless(read_settings(), 1) as instance:
        workspace = instance.workspace
        row = experiments.find(workspace, experiment)
        left = len(to_measure(workspace, row))
        if left:
            remark(f"Measuring {left} variants, one after the other ...")
        while to_measure(workspace, row):
            measure_finished(workspace, row.id)
            instance.supervisor.pause(POLL)
        rows = cost_rows(workspace, row)
    if json_:
        print_json(rows)
        return
    names = ("variant", "total_p50_ms", "total_p95_ms", "encode_p50_ms", "search_p50_ms", "rerank_p50_ms")
    sizes = ("index_bytes", "vector_bytes", "encode_seconds", "usd")
    print_table(row.name, (*names, *sizes), [tuple(r[name] for name in (*names, *sizes)) for r in rows])


@results_app.command("leaderboard")
def leaderboard_command(
    experiment: Annotated[str | None, typer.Argument(help="Name or id. Default: the last one.")] = None,
    measure: Annotated[str | None, typer.Option(help="Order by this measure, such as nDCG@10.")] = None,
    json_: Json = False,
) -> None:
    """Print an experiment's leaderboard."""
    from evaluator.services import experiments
    from evaluator.services.leaderboard import leaderboard
    from evaluator.services.records import leaderboard_record
    from evaluator.services.workspace import Workspace

    with Workspace.open_local(read_settings()) as workspace:
        board = leaderboard_record(leaderboard(workspace, experiments.find(workspace, experiment), measure))
    show_board(board, json_)


@results_app.command()
def export(
    experiment: Annotated[str, typer.Argument(help="Name or id.")],
    format_: Annotated[str, typer.Option("--format", help="trec, csv or parquet.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write into.")],
    json_: Json = False,
) -> None:
    """Export runs and qrels as TREC files, or per-query measures as CSV or Parquet."""
    from typing import get_args

    from evaluator.services import experiments
    from evaluator.services.export import Format
    from evaluator.services.export import export as write
    from evaluator.services.workspace import Workspace

    if format_ not in get_args(Format):
        raise InvalidInputError(f"--format {format_!r} is not one of {', '.join(get_args(Format))}")
    with Workspace.open_local(read_settings()) as workspace:
        files = write(workspace, experiments.find(workspace, experiment), format_, output)  # type: ignore[arg-type]
    if json_:
        print_json([str(path) for path in files])
    else:
        for path in files:
            typer.echo(path)
