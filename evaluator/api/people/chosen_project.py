"""The project that a request names: `?project=NAME`, else the first one of whoever asks."""

from __future__ import annotations

from urllib.parse import parse_qs

from starlette.types import ASGIApp, Receive, Scope, Send

from evaluator.workspace.acting import in_project

PROJECT = "project"
"""The query parameter."""


class ChosenProject:
    """Names to the services the project in which a request works; they check that whoever asks may see it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""
        chosen = None
        if scope["type"] == "http":
            (chosen, *_) = parse_qs(scope["query_string"].decode("latin-1")).get(PROJECT, [None])
        with in_project(chosen):
            await self._app(scope, receive, send)
