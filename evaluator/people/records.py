"""Accounts, links and tokens as plain records: what commands print and routes send; no secret but a link's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evaluator.domain.access import Action, Role
from evaluator.domain.records import Account, Invitation, Token
from evaluator.people import accounts
from evaluator.people.accounts import Link
from evaluator.workspace.acting import acting, require
from evaluator.workspace.workspace import Workspace


def account_record(account: Account) -> dict[str, Any]:
    """An account, with its roles in the projects of whoever is acting."""
    known = acting().projects
    return {
        "name": account.name,
        "is_admin": account.is_admin,
        "roles": {
            project: str(role) for project, role in account.roles.items() if known is None or project in known
        },
        "is_closed": account.disabled_at is not None,
        "created_at": account.created_at.isoformat(),
    }


def change_account(workspace: Workspace, name: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change what somebody may do, or close or open their account.

    Args:
        changes: any of `role` (None takes it away), `is_admin` and `is_closed`; what is missing stays.
    """
    require(Action.GRANT)  # all that it takes, before the first change
    if changes.get("is_admin") is not None or changes.get("is_closed") is not None:
        require(Action.MANAGE)
    if "role" in changes:
        role = changes["role"]
        accounts.grant(workspace, name, None if role is None else Role(role))
    if changes.get("is_admin") is not None:
        accounts.set_admin(workspace, name, changes["is_admin"])
    if changes.get("is_closed") is not None:
        accounts.disable(workspace, name, changes["is_closed"])
    return account_record(accounts.known(workspace, name))


def invitation_record(link: Link) -> dict[str, Any]:
    """A one-time link; its path is to be put behind the server's address."""
    return {"name": link.name, "path": f"/join/{link.secret}", "expires_at": link.expires_at.isoformat()}


def open_invitation_record(invitation: Invitation) -> dict[str, Any]:
    """An invitation that can still be used, without its secret, which nobody knows."""
    return {
        "id": accounts.invitation_id(invitation),
        "name": invitation.name,
        "project": invitation.project,
        "role": "administrator" if invitation.is_admin else invitation.role and str(invitation.role),
        "created_by": invitation.created_by,
        "expires_at": invitation.expires_at.isoformat(),
    }


def token_record(token: Token) -> dict[str, Any]:
    """A token, without its secret."""
    return {
        "id": token.id,
        "name": token.name,
        "shown": f"{token.shown}…",
        "role": token.role and str(token.role),
        "project": token.project,
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at and token.expires_at.isoformat(),
        "used_at": token.used_at and token.used_at.isoformat(),
    }
