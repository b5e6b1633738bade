"""The commands that store and remove the token for a server."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from evaluator.cli.options import read_settings
from evaluator.cli.terminal import ask_secret, remark
from evaluator.errors import InvalidInputError

# Commands import what they need when they run, so that `--help` is fast.
# ruff: noqa: PLC0415

login_app = typer.Typer(rich_markup_mode=None)

Address = Annotated[
    str, typer.Argument(metavar="URL", help="The server's address, such as https://evaluator.example.org.")
]


@login_app.command()
def login(
    server: Address,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Read the token from standard input, for scripts.")
    ] = False,
) -> None:
    """Store your token for a server, after checking it there."""
    from evaluator.remote.client import Client
    from evaluator.remote.tokens import checked_token, require_private, server_address, store_token

    read_settings()
    address = server_address(server)
    require_private(address)
    if not token_stdin and not sys.stdin.isatty():
        raise InvalidInputError("there is no terminal to type the token into; use --token-stdin")
    token = checked_token(sys.stdin.read() if token_stdin else ask_secret(f"Token for {address}"))
    with Client(address, token) as client:
        person = client.whoami()
    if person is None:
        remark(f"{address} has no accounts and needs no token; none is stored.")
        return
    path = store_token(address, token)
    role = f", {person['role']}" if person.get("role") else ""
    project = f" in {person['project']}" if person.get("project") else ""
    remark(f"Signed in at {address} as {person['name']}{role}{project}. The token is in {path} .")


@login_app.command()
def logout(server: Address) -> None:
    """Remove your token for a server from this machine."""
    from evaluator.remote.tokens import forget_token, server_address

    address = server_address(server)
    if forget_token(address):
        remark(
            f"The token for {address} is removed from this machine; it stays valid until it is revoked there."
        )
    else:
        remark(f"No token for {address} is stored on this machine.")
