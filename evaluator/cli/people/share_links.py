"""The commands for share links. With a running instance, they use its REST API."""

from __future__ import annotations

from typing import Annotated

import typer

from evaluator.cli.options import Json, Server, instance
from evaluator.cli.terminal import print_json, print_table, remark, say

share_app = typer.Typer(
    help="Links with which anybody sees an experiment's report, leaderboard or comparison, without an account.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Variant = Annotated[
    str | None, typer.Option(help="A variant of the comparison. Default: the likeliest decision.")
]


@share_app.command("make")
def make(
    experiment: Annotated[str | None, typer.Argument(help="Name or id. Default: the last submitted.")] = None,
    part: Annotated[str, typer.Option(help="report, leaderboard or comparison.")] = "report",
    days: Annotated[int, typer.Option(help="Days until the link expires.")] = 30,
    measure: Annotated[str | None, typer.Option(help="Default: the experiment's first measure.")] = None,
    baseline: Annotated[str | None, typer.Option(help="Compare with this variant.")] = None,
    a: Variant = None,
    b: Variant = None,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Print a link, which is shown once."""
    with instance(server) as opened:
        link = opened.make_share_link(experiment, part, days, measure=measure, baseline=baseline, a=a, b=b)
    if json_:
        print_json(link)
        return
    remark(f"Anybody can open this link until {link['expires_at'][:10]}, behind the server's address:")
    say(link["path"])


@share_app.command("list")
def list_links(server: Server = None, json_: Json = False) -> None:
    """List the links that can be opened, of the project's experiments."""
    with instance(server) as opened:
        rows = opened.share_links()
    if json_:
        print_json(rows)
        return
    columns = ("id", "name", "part", "person", "expires_at", "opened_at")
    print_table("", columns, [[str(row[column] or "–")[:40] for column in columns] for row in rows])


@share_app.command("revoke")
def revoke(
    link: Annotated[str, typer.Argument(help="The link's id, as `share list` shows it.")],
    server: Server = None,
) -> None:
    """Make a link useless."""
    with instance(server) as opened:
        opened.revoke_share_link(link)
    say("The link does not work any more.")
