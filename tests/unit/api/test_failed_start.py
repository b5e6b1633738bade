"""Why a server does not start, as uvicorn is told it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.types import Message

from evaluator.api.startup_error import FailedStart
from evaluator.errors import StoreUnavailableError


def told(error: Exception) -> str:
    """What a server is told whose start ends with an error."""
    sent: list[Message] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            raise OSError("the reason")
        except OSError as reason:
            raise error from reason
        yield

    async def receive() -> Message:
        return {"type": "lifespan.startup"}

    async def send(message: Message) -> None:
        sent.append(message)

    app = Starlette(lifespan=lifespan, middleware=[Middleware(FailedStart)])
    with pytest.raises(type(error)):
        asyncio.run(app({"type": "lifespan"}, receive, send))
    (message,) = sent
    assert message["type"] == "lifespan.startup.failed"
    return str(message["message"])


def test_an_error_of_ours_is_one_sentence() -> None:
    said = told(StoreUnavailableError("the database is damaged; restore it"))
    assert said == "the server cannot start: the database is damaged; restore it"


def test_a_defect_keeps_its_traceback() -> None:
    assert "Traceback" in told(ValueError("a defect"))
