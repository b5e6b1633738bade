"""REST routes of comments, decisions, activity and notifications."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request

from evaluator.api.bodies import CommentText, NewComment, NewDecision, ReadNotifications, WantedNotifications
from evaluator.api.handling import ApiRoute, addressed_experiment, route
from evaluator.domain.access import Action
from evaluator.domain.teamwork.deeds import About, dataset_of, experiment_of
from evaluator.domain.teamwork.wording import comment_record, decision_record
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.experiments.records import experiment_record
from evaluator.library import catalog
from evaluator.teamwork import comments, preferences
from evaluator.teamwork.activity import MOST, activity, activity_record
from evaluator.workspace.workspace import Workspace

LARGEST = 2**63
"""Above all numbers of rows."""


def teamwork_routes() -> list[ApiRoute]:
    """All routes of comments, decisions, activity and notifications."""
    one, own = "/api/experiments/{id}", "/api/notifications"
    return [
        route(f"{one}/comments", _comments, query=("variant", "query")),
        route(f"{one}/comments", _comment, "POST", body=NewComment, needs=Action.COMMENT),
        route("/api/comments/{number}", _edit, "PATCH", body=CommentText, needs=Action.COMMENT),
        route("/api/comments/{number}", _delete, "DELETE", needs=Action.COMMENT),
        route(f"{one}/decisions", _decisions),
        route(f"{one}/decisions", _decide, "POST", body=NewDecision, needs=Action.DECIDE),
        route("/api/activity", _activity, query=("before", "limit", "experiment", "dataset")),
        route(own, _notifications),
        route(f"{own}/read", _read, "POST", body=ReadNotifications),
        route(f"{own}/settings", _preferences),
        route(f"{own}/settings", _save, "PUT", body=WantedNotifications),
        route(f"{own}/test", _test, "POST"),
    ]


def _comments(workspace: Workspace, request: Request) -> Any:
    """List the comments on an experiment, or on a variant or a query of it."""
    given = request.query_params
    found = comments.comments(workspace, addressed_experiment(workspace, request))
    return [
        comment_record(each)
        for each in found
        if given.get("variant") in (None, each.variant) and given.get("query") in (None, each.query)
    ]


def _comment(workspace: Workspace, request: Request, body: NewComment) -> Any:
    """Comment on an experiment, or on a variant or a query of it."""
    row = addressed_experiment(workspace, request)
    written = comments.comment(workspace, row, body.text, variant=body.variant, query=body.query, by=body.by)
    return comment_record(written)


def _edit(workspace: Workspace, request: Request, body: CommentText) -> Any:
    """Change one's own comment."""
    return comment_record(comments.edit(workspace, _comment_number(request), body.text))


def _delete(workspace: Workspace, request: Request) -> Any:
    """Delete one's own comment; administrators of the project may delete anybody's."""
    number = _comment_number(request)
    comments.delete(workspace, number)
    return {"deleted": number}


def _decisions(workspace: Workspace, request: Request) -> Any:
    """List the decisions on an experiment; the first one counts."""
    found = comments.decisions(workspace, addressed_experiment(workspace, request))
    return [decision_record(each) for each in found]


def _decide(workspace: Workspace, request: Request, body: NewDecision) -> Any:
    """Decide which variant ships, instead of what was decided before."""
    row = addressed_experiment(workspace, request, beginnings=False)
    return experiment_record(comments.decide(workspace, row, body.variant, body.reason, by=body.by))


def _activity(workspace: Workspace, request: Request) -> Any:
    """Show what happened, the newest first; `before` goes on from a number."""
    before, limit = _number(request, "before", LARGEST), _number(request, "limit", MOST)
    found = activity(
        workspace, about=_about(workspace, request), before=before, limit=MOST if limit is None else limit
    )
    return [activity_record(each) for each in found]


def _about(workspace: Workspace, request: Request) -> About | None:
    given = request.query_params
    if "experiment" in given:
        return experiment_of(lifecycle.find(workspace, given["experiment"]).id)
    return dataset_of(catalog.find(workspace, given["dataset"]).id) if "dataset" in given else None


def _notifications(workspace: Workspace, _request: Request) -> Any:
    """List what the asker was told, and what could not be sent."""
    return {
        "unread": preferences.unread(workspace),
        "notifications": [
            preferences.notification_record(each) for each in preferences.notifications(workspace)
        ],
        "not_sent": [preferences.trouble_record(each) for each in preferences.troubles(workspace)],
    }


def _read(workspace: Workspace, _request: Request, body: ReadNotifications) -> Any:
    """Note which notifications the asker has read."""
    preferences.mark_read(workspace, None if body.ids is None else tuple(body.ids))
    return {"unread": preferences.unread(workspace)}


def _preferences(workspace: Workspace, _request: Request) -> Any:
    """Show what the asker wants to be told, and how."""
    return preferences.preferences_record(*preferences.preferences(workspace))


def _save(workspace: Workspace, _request: Request, body: WantedNotifications) -> Any:
    """Change what the asker wants to be told; the key of a new webhook is shown once."""
    wanted = preferences.Wanted(**{**body.model_dump(), "events": tuple(body.events)})
    saved = preferences.save(workspace, wanted)
    return {
        **preferences.preferences_record(*preferences.preferences(workspace)),
        "webhook_key": saved.key,
    }


def _test(workspace: Workspace, _request: Request) -> Any:
    """Send the asker a notification, to see whether it arrives."""
    return {"sent_to": preferences.send_test(workspace)}


def _comment_number(request: Request) -> int:
    written = request.path_params["number"]
    if not (written.isascii() and written.isdigit()) or len(written) > 18:
        raise UnknownNameError(f"there is no comment {written[:40]!r}")
    return int(written)


def _number(request: Request, name: str, largest: int) -> int | None:
    written = request.query_params.get(name)
    if written is None:
        return None
    if not (written.isascii() and written.isdigit()) or len(written) > 18 or int(written) > largest:
        raise InvalidInputError(f"{name}={written[:40]!r} is no whole number from 0 to {largest:,}")
    return int(written)
