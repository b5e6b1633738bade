"""The commands for projects. With a running instance, they use its REST API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer

from evaluator.cli.options import Json, Server, instance
from evaluator.cli.terminal import print_json, print_table, say
from evaluator.errors import InvalidInputError

project_app = typer.Typer(
    help="Projects: each owns datasets and experiments, and people have a role in each.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

LARGEST = 10**18
Name = Annotated[str, typer.Argument(help="The project's name: small letters, digits and hyphens.")]


@project_app.command("list")
def list_projects(server: Server = None, json_: Json = False) -> None:
    """List the projects that you may see, with your role in each."""
    with instance(server) as opened:
        rows = opened.projects()
    if json_:
        print_json(rows)
        return
    print_table("", ("project", "role"), [(row["name"], row["role"]) for row in rows])


@project_app.command("add")
def add(name: Name, server: Server = None) -> None:
    """Make a project."""
    with instance(server) as opened:
        opened.add_project(name)
    say(f"There is a project {name} now; work in it with: evaluator --project {name} ...")


@project_app.command("show")
def show(name: Name, server: Server = None, json_: Json = False) -> None:
    """Show what a project uses, and may use."""
    with instance(server) as opened:
        _print(opened.project(name), json_)


@project_app.command("change")
def change(
    name: Name,
    storage: Annotated[str | None, typer.Option(help="Bytes of its datasets, or none.")] = None,
    running: Annotated[str | None, typer.Option(help="Experiments at once, or none.")] = None,
    usd_a_month: Annotated[
        str | None, typer.Option(help="USD for endpoints in a calendar month, or none.")
    ] = None,
    server: Server = None,
    json_: Json = False,
) -> None:
    """Change what a project may use: numbers, or none for no limit."""
    given = {"storage": (storage, int), "running": (running, int), "usd_a_month": (usd_a_month, float)}
    changes = {key: _limit(key, text, kind) for key, (text, kind) in given.items() if text is not None}
    if not changes:
        raise InvalidInputError("nothing is to be changed; give --storage, --running or --usd-a-month")
    with instance(server) as opened:
        _print(opened.change_project(name, changes), json_)


def _limit(name: str, text: str, kind: Callable[[str], float]) -> float | None:
    if text == "none":
        return None
    try:
        number = kind(text.replace("_", ""))
    except ValueError:
        number = -1
    if not 0 <= number <= LARGEST:
        raise InvalidInputError(f"--{name.replace('_', '-')} is a number from 0, or none, not {text!r}")
    return number


def _print(record: dict[str, Any], json_: bool) -> None:
    if json_:
        print_json(record)
        return
    labels = {
        "storage": "bytes of datasets",
        "running": "experiments at once",
        "usd_a_month": "USD this month",
    }
    rows = [
        (
            label,
            f"{record[key]['used']:,}",
            "none" if (limit := record[key]["limit"]) is None else f"{limit:,}",
        )
        for key, label in labels.items()
    ]
    print_table("", ("what", "used", "limit"), rows)


@project_app.command("remove")
def remove(name: Name, server: Server = None) -> None:
    """Remove a project that has no datasets, with the roles in it."""
    with instance(server) as opened:
        opened.remove_project(name)
    say(f"The project {name} is removed.")
