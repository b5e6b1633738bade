"""A server that cannot start logs the reason in one sentence, not Starlette's traceback."""

from __future__ import annotations

import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evaluator.errors import EvaluatorError


class FailedStart:
    """Logs an `EvaluatorError` during the start as its message; any other error keeps its traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""

        async def wrapped(message: Message) -> None:
            error = sys.exc_info()[1]  # the message is sent while the error is handled
            if message["type"] == "lifespan.startup.failed" and isinstance(error, EvaluatorError):
                message = {**message, "message": f"the server cannot start: {error}"}
            await send(message)

        await self._app(scope, receive, wrapped if scope["type"] == "lifespan" else send)
