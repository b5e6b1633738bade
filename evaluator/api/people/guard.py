"""The guard before everything: pages, routes, the dashboard, files and WebSockets are for people who signed in."""

from __future__ import annotations

import hmac
import re
from http.cookies import CookieError, SimpleCookie
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from evaluator.api.handling import refusal
from evaluator.api.people.page import notice
from evaluator.domain.access import COMMAND, NOBODY, Action, Person, refused
from evaluator.people.command_key import command_key
from evaluator.people.sessions import COOKIE, person_of_session
from evaluator.people.tokens import person_of_token
from evaluator.settings import Settings
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import serving

FOR_ALL = re.compile(r"/login|/logout|/api/health/live|/(join|share)/[\w-]+")
"""What needs no session: signing in and out, one-time links, share links, and whether the process answers."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
POLICY_VIOLATION = 1008
"""WebSocket close code; before the handshake is accepted, servers answer 403 instead."""
BEARER = "bearer "


class Guard:
    """Lets nobody in who is not known, and names to the services who is acting."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers, client = Headers(scope=scope), scope.get("client")
        at = client[0] if client else ""
        if scope["type"] == "http" and FOR_ALL.fullmatch(scope["path"]):
            with acting_as(NOBODY, at):
                await self._app(scope, receive, send)
            return
        person = await run_in_threadpool(self._recognised, headers)
        answer = _refusal(scope, headers, person)
        if answer is None:
            with acting_as(person, at):
                await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "not signed in"})
        else:
            await answer(scope, receive, send)

    def _recognised(self, headers: Headers) -> Person | None:
        authorization = headers.get("authorization", "")
        if authorization.lower().startswith(BEARER):
            secret = authorization[len(BEARER) :].strip()
            key = command_key(self._settings)
            if key is not None and hmac.compare_digest(secret.encode(), key.encode()):
                return COMMAND
            return person_of_token(serving(), secret)
        session = session_of(headers)
        return None if session is None else person_of_session(serving(), session)


def session_of(headers: Headers) -> str | None:
    """The secret of a request's session; None if it has none."""
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return cookie.value if cookie is not None else None


def _refusal(scope: Scope, headers: Headers, person: Person | None) -> Response | None:
    """The answer to somebody who may not go on; None if they may."""
    is_page = (
        scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", "")
    )
    if person is None:
        if is_page and not scope["path"].startswith("/api"):
            query = scope["query_string"].decode("latin-1")
            address = scope["path"] + (f"?{query}" if query else "")
            return RedirectResponse(f"{scope.get('root_path', '')}/login?next={quote(address, safe='')}", 303)
        answer = refusal(401, "sign in, or send a token: Authorization: Bearer ev_...")
        answer.headers["WWW-Authenticate"] = "Bearer"
        return answer
    if scope["type"] == "http" and scope["method"] not in SAFE and _is_forged(headers):
        return refusal(403, "this request does not come from a page of this server")
    if person.projects is not None and not person.projects and scope["path"] != "/api/whoami":
        message = refused(person, Action.SEE, person.first_project)
        return notice("No role yet", message, 403) if is_page else refusal(403, message)
    if scope["path"].startswith("/queue") and not person.may(Action.OPERATE, person.first_project):
        message = refused(person, Action.OPERATE, person.first_project)
        return notice("Not for you", message, 403) if is_page else refusal(403, message)
    return None


def _is_forged(headers: Headers) -> bool:
    """Whether a change by cookie may come from another site's page: browsers say where it comes from."""
    if "authorization" in headers:  # no other site's page can send it
        return False
    return "origin" not in headers and headers.get("sec-fetch-site") != "same-origin"
