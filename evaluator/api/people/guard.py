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
from evaluator.api.people.peer import PEER
from evaluator.domain.access import COMMAND, NOBODY, Action, Person, Way, refused
from evaluator.errors import ForbiddenError, SignedOutError
from evaluator.people.command_key import command_key
from evaluator.people.proxied import arrived, believed, vouched_in
from evaluator.people.secrets import PREFIX
from evaluator.people.sessions import COOKIE, person_of_session
from evaluator.people.tokens import person_of_token
from evaluator.settings import Settings
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import serving

FOR_ALL = re.compile(
    r"/login|/login/oidc/[a-z0-9-]+(/callback)?|/logout|/api/health/live|/(join|share)/[\w-]+"
)
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
        if "proxy" in self._settings.auth:
            scope = {**scope, "headers": believed(self._settings, scope.get(PEER), scope["headers"])}
        headers, client = Headers(scope=scope), scope.get("client")
        at = client[0] if client else ""
        if scope["type"] == "http" and FOR_ALL.fullmatch(scope["path"]):
            with acting_as(NOBODY, at):
                await self._app(scope, receive, send)
            return
        try:
            with acting_as(NOBODY, at):
                person = await run_in_threadpool(self._recognised, headers)
            answer = self._refusal(scope, headers, person)
        except (ForbiddenError, SignedOutError) as error:
            person, answer = None, _refused(scope, headers, str(error))
        if answer is None:
            with acting_as(person, at):
                await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "not signed in"})
        else:
            await answer(scope, receive, send)

    def _recognised(self, headers: Headers) -> Person | None:
        """Whoever sends a request.

        A token that is one of ours says it alone. Proxies send tokens of their own, too, which say nothing here.

        Raises:
            ForbiddenError: a proxy names somebody who has no account, and gets none.
            SignedOutError: a proxy names nobody whom it could mean.
        """
        authorization = headers.get("authorization", "")
        vouched = vouched_in(self._settings, headers.raw)
        if authorization.lower().startswith(BEARER):
            secret = authorization[len(BEARER) :].strip()
            key = command_key(self._settings)
            if key is not None and hmac.compare_digest(secret.encode(), key.encode()):
                return COMMAND
            if vouched is None or secret.startswith(PREFIX):
                return person_of_token(serving(), secret)
        if vouched is not None:
            return arrived(serving(), vouched)
        session = session_of(headers)
        return None if session is None else person_of_session(serving(), session)

    def _refusal(self, scope: Scope, headers: Headers, person: Person | None) -> Response | None:
        """The answer to somebody who may not go on; None if they may."""
        if person is None:
            if _is_page(scope, headers) and not scope["path"].startswith("/api"):
                query = scope["query_string"].decode("latin-1")
                address = scope["path"] + (f"?{query}" if query else "")
                login = self._settings.at(f"/login?next={quote(address, safe='')}")
                return RedirectResponse(login, 303)
            answer = refusal(401, "sign in, or send a token: Authorization: Bearer ev_...")
            answer.headers["WWW-Authenticate"] = "Bearer"
            return answer
        if scope["type"] == "http" and scope["method"] not in SAFE and is_forged(headers, person):
            return refusal(403, "this request does not come from a page of this server")
        title, message = _missing(scope, person)
        if message is None:
            return None
        if not _is_page(scope, headers):
            return refusal(403, message)
        return notice(title, message, 403, None if person.way is Way.PROXY else self._settings.at("/logout"))


def session_of(headers: Headers) -> str | None:
    """The secret of a request's session; None if it has none."""
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return cookie.value if cookie is not None else None


def is_forged(headers: Headers, person: Person | None = None) -> bool:
    """Whether a change may come from another site's page: browsers say where it comes from.

    Whoever showed a token is no such page. An `Authorization` header alone says nothing: proxies add one themselves.
    """
    if person is not None and person.way in (Way.TOKEN, Way.COMMAND):
        return False
    return "origin" not in headers and headers.get("sec-fetch-site") != "same-origin"


def _missing(scope: Scope, person: Person) -> tuple[str, str | None]:
    """What somebody lacks for an address, as a title and a message; None if nothing."""
    if person.projects is not None and not person.projects and scope["path"] != "/api/whoami":
        return "No role yet", refused(person, Action.SEE, person.first_project)
    if scope["path"].startswith("/queue") and not person.may(Action.OPERATE, person.first_project):
        return "Not for you", refused(person, Action.OPERATE, person.first_project)
    return "", None


def _is_page(scope: Scope, headers: Headers) -> bool:
    return scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", "")


def _refused(scope: Scope, headers: Headers, message: str) -> Response:
    """The answer to somebody whom a proxy names and who may not come in."""
    return notice("No account", message, 403) if _is_page(scope, headers) else refusal(403, message)
