"""The commands for dead letters. With a running instance, they use its REST API."""

from __future__ import annotations

from typing import Annotated

import typer

from evaluator.cli.options import Json, Server, instance
from evaluator.cli.terminal import confirm, print_json, print_table, remark

dead_letters_app = typer.Typer(
    help="List or drop dead letters: results that could not be read or recorded.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@dead_letters_app.command("list")
def dead_letters_list(server: Server = None, json_: Json = False) -> None:
    """List the stored dead letters, newest first, with the reason and the first characters of each."""
    with instance(server) as opened:
        record = opened.dead_letters()
    if json_:
        print_json(record)
        return
    print_table(
        "",
        ("at (UTC)", "reason", "begins with", "bytes"),
        [
            (letter["at"][:19].replace("T", " "), letter["reason"], letter["content"], letter["bytes"])
            for letter in record["dead_letters"]
        ],
        caption=f"{record['kept']:,} kept; {record['total']:,} since the queue was set up",
    )


@dead_letters_app.command("drop")
def dead_letters_drop(
    yes: Annotated[bool, typer.Option("--yes", help="Skip the confirmation.")] = False,
    server: Server = None,
) -> None:
    """Drop all stored dead letters. Their results cannot be recorded later."""
    if not yes:
        confirm("Drop all dead letters?")
    with instance(server) as opened:
        dropped = opened.drop_dead_letters()
    remark(f"{dropped:,} dead letters dropped.")
