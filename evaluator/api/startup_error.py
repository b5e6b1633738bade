"""A server that cannot start says why in one sentence, where Starlette tells uvicorn a traceback to log."""

from __future__ import annotations

import sys

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evaluator.errors import EvaluatorError


class FailedStart:
    """Has an error of ours that ends the start logged as the sentence that it is; any other keeps its traceback."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""

        async def wrapped(message: Message) -> None:
            error = sys.exc_info()[1]  # it is sent while that is handled
            if message["type"] == "lifespan.startup.failed" and isinstance(error, EvaluatorError):
                message = {**message, "message": f"the server cannot start: {error}"}
            await send(message)

        await self._app(scope, receive, wrapped if scope["type"] == "lifespan" else send)
