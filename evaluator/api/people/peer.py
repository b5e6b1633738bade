"""The address at the other end of a connection, whatever headers say: what proxies are trusted by."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

PEER = "evaluator.peer"
"""Key of the address in the scope. Clients write headers, and nothing else of a scope."""


class KnowsPeer:
    """Notes the address before anything replaces it by what `X-Forwarded-For` says."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        client = scope.get("client")
        scope[PEER] = client[0] if client else None
        await self._app(scope, receive, send)
