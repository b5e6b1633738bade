"""The commands that print or export recorded results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from evaluator.cli.options import Json, Server, instance, read_settings
from evaluator.cli.terminal import print_json, print_table, remark, say, show_board, show_history
from evaluator.errors import InvalidInputError

# Commands import what they need when they run, so that `--help` is fast and nothing here imports a model.
# ruff: noqa: PLC0415

POLL = 0.2
"""Seconds between two checks whether costs are measured."""

Experiment = Annotated[str | None, typer.Argument(help="Name or id. Default: the last one.")]
Measure = Annotated[
    str | None, typer.Option(help="The measure, such as nDCG@10. Default: the experiment's first.")
]

results_app = typer.Typer(rich_markup_mode=None)


@results_app.command()
def failures(
    experiment: Experiment = None,
    server: Server = None,
    json_: Json = False,
) -> None:
    """List an experiment's failed queries, with reasons; `evaluator resume` tries them again."""
    with instance(server) as opened:
        records = opened.failures(experiment)
    if json_:
        print_json(records)
    elif records:
        print_table("", ("variant", "query", "error"), [tuple(record.values()) for record in records])
    else:
        remark("No query failed.")


@results_app.command()
def costs(
    experiment: Experiment = None,
    json_: Json = False,
) -> None:
    """Measure the costs of an experiment's variants, unless that is done, and print them. Needs no server."""
    from evaluator.analysis.costs import cost_rows, measure_finished, to_measure
    from evaluator.experiments import lifecycle
    from evaluator.operations.instance import headless

    with headless(read_settings(), 1) as instance:
        workspace = instance.workspace
        row = lifecycle.find(workspace, experiment)
        unmeasured = len(to_measure(workspace, row))
        if unmeasured:
            remark(f"Measuring {unmeasured} variants, one after the other ...")
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
    experiment: Experiment = None,
    measure: Measure = None,
    baseline: Annotated[
        str | None, typer.Option(help="Compare with this variant. Default: the best.")
    ] = None,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Print an experiment's leaderboard."""
    with instance(server) as opened:
        board = opened.leaderboard(experiment, measure, baseline)
    show_board(board, json_)


@results_app.command()
def history(
    dataset: Annotated[str, typer.Argument(help="The dataset's name.")],
    measure: Measure = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 1 if a variant's last step is a regression.")
    ] = False,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Print how a dataset's scores changed over time, and what became worse."""
    with instance(server) as opened:
        record = opened.history(dataset, measure)
    if json_:
        print_json(record)
    else:
        show_history(record)
    if check and any(point["standing"] for point in record["points"]):
        raise typer.Exit(1)


@results_app.command()
def report(
    experiment: Experiment = None,
    output: Annotated[Path, typer.Option("-o", "--output", help="File to write.", show_default=True)] = Path(
        "report.html"
    ),
    measure: Measure = None,
    baseline: Annotated[str | None, typer.Option(help="Compare with this variant.")] = None,
    server: Server = None,
) -> None:
    """Write an experiment's report: one HTML file with the answer, its figures, and how it was measured."""
    with instance(server) as opened:
        opened.report(experiment, measure, baseline, output)
    say(output)


@results_app.command()
def figure(
    name: Annotated[str, typer.Argument(help="scores, tradeoffs, differences, histogram or scatter.")],
    experiment: Experiment = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="File to write, .svg or .png. Default: NAME.svg.")
    ] = None,
    measure: Measure = None,
    baseline: Annotated[str | None, typer.Option(help="Draw a line at this variant.")] = None,
    a: Annotated[str | None, typer.Option(help="A variant to compare. Default: the best.")] = None,
    b: Annotated[
        str | None, typer.Option(help="The other variant. Default: the baseline, or the second best.")
    ] = None,
    cost: Annotated[
        str, typer.Option(help="For tradeoffs: p95_ms, index_mb or usd_per_million_queries.")
    ] = "p95_ms",
    server: Server = None,
) -> None:
    """Write one of an experiment's figures as SVG or PNG."""
    from evaluator.analysis.recommendation import COSTS
    from evaluator.report.figures import Image

    path = output or Path(f"{name}.svg")
    kind = path.suffix.removeprefix(".")
    if kind not in get_args(Image):
        raise InvalidInputError(
            f"{path} ends neither in .svg nor in .png; name the file by what it should be"
        )
    if cost not in COSTS:
        raise InvalidInputError(f"--cost {cost!r} is not one of {', '.join(COSTS)}")
    with instance(server) as opened:
        opened.figure(experiment, name, kind, path, measure=measure, baseline=baseline, a=a, b=b, cost=cost)
    say(path)


@results_app.command()
def export(
    experiment: Annotated[str, typer.Argument(help="Name or id.")],
    format_: Annotated[str, typer.Option("--format", help="trec, csv, parquet or duckdb.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write into.")],
    server: Server = None,
    json_: Json = False,
) -> None:
    """Export runs and qrels as TREC files, per-query measures as CSV or Parquet, or all of it as a DuckDB file."""
    from evaluator.analysis.export import Format

    if format_ not in get_args(Format):
        raise InvalidInputError(f"--format {format_!r} is not one of {', '.join(get_args(Format))}")

    with instance(server) as opened:
        files = opened.export(experiment, format_, output)
    if json_:
        print_json([str(path) for path in files])
    else:
        for path in files:
            say(path)
