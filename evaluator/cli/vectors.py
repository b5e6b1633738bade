"""The commands for stored vectors. With a running instance, they use its REST API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from evaluator.cli.options import Json, Server, instance
from evaluator.cli.terminal import print_json, print_table, remark

vectors_app = typer.Typer(help="List or drop stored vectors.", no_args_is_help=True, rich_markup_mode=None)

Rows = list[dict[str, Any]]


@vectors_app.command("list")
def vectors_list(server: Server = None, json_: Json = False) -> None:
    """List the stored vectors of each encoder, most recently used first."""
    with instance(server) as opened:
        _print(opened.vectors(), json_)


@vectors_app.command("prune")
def vectors_prune(
    limit: Annotated[
        int | None, typer.Option(min=0, help="Bytes to keep. Default: EVALUATOR_VECTORS_LIMIT.")
    ] = None,
    encoder: Annotated[
        list[str] | None, typer.Option(help="Drop this encoder's vectors; may be given several times.")
    ] = None,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Drop vectors of some encoders, or the least recently used ones. Texts are encoded again when needed."""
    with instance(server) as opened:
        dropped = opened.prune_vectors(limit, encoder or [])
    _print(dropped, json_)
    remark(f"{sum(row['bytes'] for row in dropped) / 1e6:,.1f} MB dropped.")


def _print(rows: Rows, json_: bool) -> None:
    if json_:
        print_json(rows)
        return
    print_table(
        "",
        ("encoder", "MB", "files", "used", "fingerprint"),
        [(row["name"], row["bytes"] / 1e6, row["files"], _used(row), row["fingerprint"]) for row in rows],
    )


def _used(row: dict[str, Any]) -> str:
    return "now" if row["in_use"] else str(row["used_at"] or "–")[:16].replace("T", " ")
