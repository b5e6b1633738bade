"""Refusing requests that name another host, or that come from pages of other sites; and living below a path."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evaluator.api.browsers.headers import BrowserHeaders
from evaluator.api.handling import refusal
from evaluator.settings import Settings

POLICY_VIOLATION = 1008
"""WebSocket close code; before the handshake is accepted, servers answer 403 instead."""


def guards(settings: Settings) -> list[Middleware]:
    """The middleware that every request passes first.

    Raises:
        InvalidInputError: the server listens beyond this machine, and its host names are not set.
    """
    below = [Middleware(Below, prefix=settings.path_prefix)] if settings.path_prefix else []
    return [
        *below,  # outermost: all others see paths without the prefix
        Middleware(BrowserHeaders),
        Middleware(TrustedHostMiddleware, allowed_hosts=[*settings.trusted_hosts]),
        Middleware(Leavers),
        Middleware(SameOrigin),
    ]


class Below:
    """Lets a server live below a path: takes the prefix off, unless a proxy did, and puts it before redirects.

    Streamlit's pages find the prefix by themselves, as they find their server: by the address in the browser.
    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        path = scope["path"]
        if path == self._prefix and scope["type"] == "http":  # links of pages are relative to a final slash
            query = scope["query_string"].decode("latin-1")
            again = RedirectResponse(f"{self._prefix}/{f'?{query}' if query else ''}", 308)
            await again(scope, receive, send)
            return
        if path.startswith(f"{self._prefix}/"):
            raw = scope.get("raw_path") or b""
            before = self._prefix.encode()
            scope = {**scope, "path": path[len(self._prefix) :]}
            if raw.startswith(before):
                scope["raw_path"] = raw[len(before) :]
        await self._app(scope, receive, self._led(send))

    def _led(self, send: Send) -> Send:
        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                there = headers.get("location", "")
                is_ours = there.startswith("/") and not there.startswith(("//", f"{self._prefix}/"))
                if is_ours:
                    headers["location"] = self._prefix + there
            await send(message)

        return wrapped


class Leavers:
    """Ignores clients that disconnect before their whole request has arrived: no error, and no answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        with suppress(ClientDisconnect):
            await self._app(scope, receive, send)


class SameOrigin:
    """Refuses requests and WebSockets from pages of other sites.

    Only an origin that equals the addressed host passes. For any other, Streamlit would ask an external server for
    this machine's address, in the event loop, where all requests would wait for it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] not in {"http", "websocket"} or not _foreign(Headers(scope=scope)):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": "another origin"})
        else:
            answer = refusal(
                403, "this request comes from a page of another origin; open this server's own address"
            )
            await answer(scope, receive, send)


def _foreign(headers: Headers) -> bool:
    """Whether an origin differs from the addressed host and port, compared as exact text like in Streamlit."""
    origins, hosts = headers.getlist("origin"), headers.getlist("host")
    return bool(origins) and [_host(origin) for origin in origins] != hosts


def _host(origin: str) -> str | None:
    try:
        return urlsplit(origin).netloc or None
    except ValueError:  # brackets without a valid address
        return None
