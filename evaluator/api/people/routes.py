"""REST routes of accounts, tokens and the audit log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from evaluator.api.bodies import AccountChange, NewAccount, NewProject, ProjectQuotas, TokenDescription
from evaluator.api.handling import ApiRoute, route
from evaluator.domain.access import Action, Way
from evaluator.errors import InvalidInputError
from evaluator.library import quotas
from evaluator.people import accounts, log, projects, tokens
from evaluator.people.records import (
    account_record,
    change_account,
    invitation_record,
    open_invitation_record,
    token_record,
)
from evaluator.workspace.acting import acting, project
from evaluator.workspace.workspace import Workspace

LINES = "application/jsonl"
AUDIT = ("before", "person", "action", "since", "until")
"""What entries of the audit log are filtered by."""


def people_routes() -> list[ApiRoute]:
    """All routes of people."""
    return [
        route("/api/whoami", _whoami, needs=None),
        route("/api/projects", _projects),
        route("/api/projects", _make_project, "POST", body=NewProject, needs=Action.MANAGE),
        route("/api/projects/{name}", _project),
        route("/api/projects/{name}", _change_project, "PATCH", body=ProjectQuotas, needs=Action.MANAGE),
        route("/api/projects/{name}", _remove_project, "DELETE", needs=Action.MANAGE),
        route("/api/accounts", _accounts, needs=Action.GRANT),
        route("/api/accounts", _invite, "POST", body=NewAccount, needs=Action.GRANT),
        route("/api/accounts/{name}", _change, "PATCH", body=AccountChange, needs=Action.GRANT),
        route("/api/accounts/{name}/reset", _reset, "POST", needs=Action.MANAGE),
        route("/api/invitations", _invitations, needs=Action.GRANT),
        route("/api/invitations/{invitation}", _withdraw, "DELETE", needs=Action.GRANT),
        route("/api/tokens", _tokens, query=("of",)),
        route("/api/tokens", _make_token, "POST", body=TokenDescription),
        route("/api/tokens/{id}", _revoke, "DELETE"),
        route("/api/audit", _audit, query=AUDIT, media=(LINES,), needs=Action.AUDIT),
    ]


def _whoami(_workspace: Workspace, _request: Request) -> Any:
    """Tell who is asking, and what they may do."""
    person = acting()
    return {
        "name": None if person.way in (Way.OPEN, Way.COMMAND) else person.name,
        "role": "administrator" if person.is_admin else person.roles.get(project()),
        "project": project(),
        "way": person.way.name.lower(),
    }


def _projects(workspace: Workspace, _request: Request) -> Any:
    """List the projects that the asker may see, with the asker's role in each."""
    return projects.records(workspace)


def _make_project(workspace: Workspace, _request: Request, body: NewProject) -> Any:
    """Make a project."""
    return {"name": projects.add(workspace, body.name)}


def _project(workspace: Workspace, request: Request) -> Any:
    """Show what a project uses, and may use."""
    name = request.path_params["name"]
    return {"name": name, **quotas.record(workspace, name)}


def _change_project(workspace: Workspace, request: Request, body: ProjectQuotas) -> Any:
    """Change what a project may use."""
    quotas.change_limits(workspace, request.path_params["name"], body.model_dump(exclude_unset=True))
    return _project(workspace, request)


def _remove_project(workspace: Workspace, request: Request) -> Any:
    """Remove a project without datasets."""
    projects.remove(workspace, request.path_params["name"])
    return {"removed": request.path_params["name"]}


def _accounts(workspace: Workspace, _request: Request) -> Any:
    """List the accounts with a role in the project; all for those who manage accounts."""
    return [account_record(each) for each in accounts.members(workspace)]


def _invite(workspace: Workspace, _request: Request, body: NewAccount) -> Any:
    """Invite somebody into the project by a one-time link, or make an administrator's account with a password."""
    if body.password is not None:
        return account_record(accounts.add_admin(workspace, body.name, body.password))
    return invitation_record(accounts.invite(workspace, body.name, body.role, is_admin=body.is_admin))


def _invitations(workspace: Workspace, _request: Request) -> Any:
    """List the invitations that can still be used."""
    return [open_invitation_record(each) for each in accounts.open_invitations(workspace)]


def _withdraw(workspace: Workspace, request: Request) -> Any:
    """Withdraw an invitation."""
    accounts.withdraw(workspace, request.path_params["invitation"])
    return {"withdrawn": request.path_params["invitation"]}


def _change(workspace: Workspace, request: Request, body: AccountChange) -> Any:
    """Change somebody's role in the project, or close or open their account."""
    return change_account(workspace, request.path_params["name"], body.model_dump(exclude_unset=True))


def _reset(workspace: Workspace, request: Request) -> Any:
    """Give somebody a one-time link to choose a new password."""
    return invitation_record(accounts.reset(workspace, request.path_params["name"]))


def _tokens(workspace: Workspace, request: Request) -> Any:
    """List the asker's tokens; with `of=all` everybody's."""
    return [
        token_record(each)
        for each in tokens.tokens(workspace, everybody=request.query_params.get("of") == "all")
    ]


def _make_token(workspace: Workspace, _request: Request, body: TokenDescription) -> Any:
    """Make a token for the asker; its secret is shown once."""
    made = tokens.create(workspace, body.name, body.role, body.days, body.project)
    return {
        "id": made.id,
        "token": made.secret,
        "expires_at": made.expires_at and made.expires_at.isoformat(),
    }


def _revoke(workspace: Workspace, request: Request) -> Any:
    """Revoke a token."""
    tokens.revoke(workspace, request.path_params["id"])
    return {"revoked": request.path_params["id"]}


def _audit(workspace: Workspace, request: Request) -> Any:
    """Show what people did, the newest first, as JSON Lines."""
    given = request.query_params
    before = given.get("before", "")
    found = log.entries(
        workspace,
        before=int(before) if before.isdecimal() else None,
        person=given.get("person"),
        action=given.get("action"),
        since=_moment(given.get("since")),
        until=_moment(given.get("until")),
    )
    lines = (json.dumps(each._asdict(), default=str) + "\n" for each in found)
    return Response("".join(lines), media_type=LINES)


def _moment(text: str | None) -> datetime | None:
    """A moment as UTC without a zone; one that is written without a zone is UTC's.

    Raises:
        InvalidInputError: it is none.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError) as error:
        raise InvalidInputError(f"{text[:40]!r} is no moment, such as 2026-11-24T07:30:00Z") from error
