"""The commands about dead letters: thin, like `cli`. They work beside a running instance, through its REST API."""

from __future__ import annotations

from typing import Annotated

import typer

from evaluator.cli.options import Json, ask
from evaluator.cli.terminal import confirm, print_json, print_table, remark

# Commands import what they need when they run: `--help` answers at once, and nothing here imports a model.
# ruff: noqa: PLC0415

dead_letters_app = typer.Typer(
    help="Results that could not be read or recorded: what they are, and dropping them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@dead_letters_app.command("list")
def dead_letters_list(json_: Json = False) -> None:
    """List the dead letters that are kept, newest first, with the reason and the beginning of each."""
    from evaluator.operations import dead_letters
    from evaluator.operations.dead_letters import dead_letters_record
    from evaluator.workspace.workspace import Workspace

    def here(workspace: Workspace) -> dict[str, object]:
        queued = dead_letters.with_queue(workspace)
        return dead_letters_record(dead_letters.count_dead_letters(queued), dead_letters.dead_letters(queued))

    found = ask(here, lambda client: client.dead_letters())
    if json_:
        print_json(found)
        return
    print_table(
        "",
        ("at (UTC)", "reason", "begins with", "bytes"),
        [
            (letter["at"][:19].replace("T", " "), letter["reason"], letter["content"], letter["bytes"])
            for letter in found["dead_letters"]
        ],
        caption=f"{found['kept']:,} kept; {found['total']:,} since the queue was set up",
    )


@dead_letters_app.command("drop")
def dead_letters_drop(
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Drop all dead letters that are kept. What they held cannot be recorded later."""
    from evaluator.operations import dead_letters

    if not yes:
        confirm("Drop all dead letters?")
    dropped = ask(
        lambda workspace: dead_letters.drop_dead_letters(dead_letters.with_queue(workspace)),
        lambda client: client.drop_dead_letters(),
    )
    remark(f"{dropped:,} dead letters dropped.")
