"""REST routes of share links, and the page that one opens: a static report, without a session and without scripts."""

from __future__ import annotations

from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from evaluator.api.bodies import SharePermission, ShareRequest
from evaluator.api.handling import NO_SCRIPT, ApiRoute, addressed_experiment, route
from evaluator.api.people.page import page
from evaluator.domain.access import Action
from evaluator.errors import EvaluatorError, UnknownNameError
from evaluator.people import share_links
from evaluator.people.share_links import GONE, link_record
from evaluator.report.contents import collect
from evaluator.report.page import render
from evaluator.workspace.acting import acting_as, in_project
from evaluator.workspace.workspace import Workspace, serving

HEADERS = {
    "content-security-policy": f"{NO_SCRIPT}; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex, nofollow",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
}
"""Of what a link shows: it is for whoever got it, and its address is the key."""


def share_link_routes() -> list[ApiRoute]:
    """All routes to make, list and revoke links."""
    return [
        route("/api/share-links", _list, needs=Action.SHARE),
        route("/api/share-links", _allow, "PATCH", body=SharePermission, needs=Action.GRANT),
        route("/api/share-links/{link}", _revoke, "DELETE", needs=Action.SHARE),
        route("/api/experiments/{id}/share-links", _make, "POST", body=ShareRequest, needs=Action.SHARE),
    ]


def shared_page() -> Route:
    """The page of a link."""
    return Route("/share/{secret}", _open)


async def _open(request: Request) -> Response:
    try:
        html = await run_in_threadpool(_shown, serving(), request.path_params["secret"])
    except UnknownNameError:
        return _with_headers(
            page("This link does not work", f"<p>{GONE.partition(': ')[2].capitalize()}.</p>", 404)
        )
    except EvaluatorError:  # such as a measure that the experiment has no more
        return _with_headers(page("This cannot be shown now", "<p>Ask whoever gave you the link.</p>", 503))
    return HTMLResponse(html, headers=HEADERS)


def _with_headers(answer: Response) -> Response:
    answer.headers.update({name: HEADERS[name] for name in ("referrer-policy", "x-robots-tag")})
    return answer


def _shown(workspace: Workspace, secret: str) -> str:
    experiment, link, person = share_links.opened(workspace, secret)
    chosen = link.choices
    with acting_as(person), in_project(experiment.project):
        pair = chosen.get("a"), chosen.get("b")
        return render(
            collect(workspace, experiment, chosen.get("measure"), chosen.get("baseline"), pair), link.part
        )


def _make(workspace: Workspace, request: Request, body: ShareRequest) -> Any:
    """Make a link with which anybody sees an experiment's report, leaderboard or comparison; it is shown once."""
    row = addressed_experiment(workspace, request)
    choices = {name: value for name, value in body.choices().items() if value}
    made = share_links.make(workspace, row, body.part, choices, body.days)
    return {"id": made.id, "path": f"/{made.path}", "expires_at": made.expires_at.isoformat()}


def _list(workspace: Workspace, _request: Request) -> Any:
    """List the links that can be opened, of the project's experiments."""
    return [link_record(link, row) for link, row in share_links.links(workspace)]


def _revoke(workspace: Workspace, request: Request) -> Any:
    """Revoke a link."""
    share_links.revoke(workspace, request.path_params["link"])
    return {"revoked": request.path_params["link"]}


def _allow(workspace: Workspace, _request: Request, body: SharePermission) -> Any:
    """Allow share links in the project, or switch them off."""
    share_links.allow(workspace, body.allowed)
    return {"allowed": body.allowed}
