"""The commands for projects. With a running instance, they use its REST API."""

from __future__ import annotations

from typing import Annotated

import typer

from evaluator.cli.options import Json, Server, instance
from evaluator.cli.terminal import print_json, print_table, say

project_app = typer.Typer(
    help="Projects: each owns datasets and experiments, and people have a role in each.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

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


@project_app.command("remove")
def remove(name: Name, server: Server = None) -> None:
    """Remove a project that has no datasets, with the roles in it."""
    with instance(server) as opened:
        opened.remove_project(name)
    say(f"The project {name} is removed.")
