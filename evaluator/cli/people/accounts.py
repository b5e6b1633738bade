"""The commands for accounts. With a running instance, they use its REST API."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated, Any

import typer

from evaluator.cli.options import Json, instance
from evaluator.cli.terminal import print_json, print_table, remark, say
from evaluator.domain.access import MAIN, Role
from evaluator.errors import InvalidInputError

account_app = typer.Typer(
    help="People who may use this instance (EVALUATOR_AUTH).",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Name = Annotated[str, typer.Argument(help="What they sign in with.")]
GivenRole = Annotated[Role | None, typer.Option("--role", help="What they may do. Default: nothing yet.")]


@account_app.command("add-admin")
def add_admin(
    name: Name,
    password_stdin: Annotated[bool, typer.Option(help="Read the password from standard input.")] = False,
) -> None:
    """Make an account that administers this instance: the first one is made in this way."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else _asked_twice()
    with instance() as opened:
        made = opened.add_admin(name, password)
    say(f"{made['name']} administers this instance and can sign in.")


@account_app.command("invite")
def invite(
    name: Name,
    role: GivenRole = None,
    admin: Annotated[bool, typer.Option(help="They administer the instance.")] = False,
    json_: Json = False,
) -> None:
    """Print a one-time link with which somebody chooses a password and joins."""
    with instance() as opened:
        _print_link(opened.invite(name, role, is_admin=admin), json_)


@account_app.command("reset")
def reset(name: Name, json_: Json = False) -> None:
    """Print a one-time link with which somebody chooses a new password."""
    with instance() as opened:
        _print_link(opened.reset_account(name), json_)


@account_app.command("list")
def list_accounts(json_: Json = False) -> None:
    """List the accounts, by name."""
    with instance() as opened:
        rows = opened.accounts()
    if json_:
        print_json(rows)
        return
    print_table(
        "", ("name", "role", "since"), [(row["name"], _role(row), row["created_at"][:10]) for row in rows]
    )


@account_app.command("change")
def change(
    name: Name,
    role: Annotated[str | None, typer.Option(help="viewer, judge, editor, admin, or none.")] = None,
    admin: Annotated[
        bool | None, typer.Option("--admin/--no-admin", help="They administer the instance.")
    ] = None,
    close: Annotated[bool | None, typer.Option("--close/--open", help="Close or open the account.")] = None,
) -> None:
    """Change what somebody may do, or close their account, which ends its sessions and tokens."""
    changes: dict[str, Any] = {}
    if role is not None:
        if role not in (*Role, "none"):
            raise InvalidInputError(f"--role is {', '.join(Role)} or none, not {role!r}")
        changes["role"] = None if role == "none" else role
    changes |= {key: value for key, value in (("is_admin", admin), ("is_closed", close)) if value is not None}
    if not changes:
        raise InvalidInputError("nothing is to be changed; give --role, --admin or --close")
    with instance() as opened:
        say(f"{name}: {_role(opened.change_account(name, changes))}")


def _asked_twice() -> str:
    first = getpass.getpass("Password: ")
    if first != getpass.getpass("Once more: "):
        raise InvalidInputError("the two passwords differ; nothing was made")
    return first


def _print_link(link: dict[str, Any], json_: bool) -> None:
    if json_:
        print_json(link)
        return
    remark(
        f"{link['name']} can use this link once, until {link['expires_at'][:10]}, behind the server's address:"
    )
    say(link["path"])


def _role(row: dict[str, Any]) -> str:
    if row["is_closed"]:
        return "closed"
    if row["is_admin"]:
        return "administrator"
    roles = row["roles"]
    if set(roles) <= {MAIN}:
        return str(roles.get(MAIN, "none"))
    return ", ".join(f"{role} in {project}" for project, role in roles.items())
