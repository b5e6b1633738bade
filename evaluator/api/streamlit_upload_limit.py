"""Streamlit's own route of uploads keeps files in memory; through it come experiment files, so few and small ones."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evaluator.api.handling import failure, in_time, refusal
from evaluator.errors import TooSlowError
from evaluator.experiments.yaml_nodes import MAX_BYTES

ROUTE = "/_stcore/upload_file/"
"""What follows is a session's id and a file's."""

FRAMING = 16 << 10
"""Bytes that a form has around the file in it."""

KEPT_FILES = 32
"""Files that all sessions have in memory together; a page reads its own at once."""

Forget = Callable[[str, str], None]
"""Removes the file of a session, both by their ids, from memory."""


class FewSmallFiles:
    """Accepts files of at most `MAX_BYTES`, and drops the oldest: Streamlit keeps files beyond a session's end.

    Datasets have routes of their own, which stream to the disk.

    Args:
        forget: removes a file that is one too many.
    """

    def __init__(self, app: ASGIApp, forget: Forget) -> None:
        self._app = app
        self._forget = forget
        self._kept: dict[tuple[str, str], None] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or pass on."""
        if scope["type"] != "http" or scope["method"] != "PUT" or ROUTE not in scope["path"]:
            await self._app(scope, receive, send)
            return
        try:
            async with in_time():
                body = None if _announced(scope) > MAX_BYTES + FRAMING else await _whole(receive)
        except TooSlowError as error:
            await failure(error)(scope, receive, send)
            return
        if body is None:
            answer = refusal(
                413,
                f"files of more than {MAX_BYTES:,} bytes are not taken here; send datasets to /api/uploads",
            )
            await answer(scope, receive, send)
            return
        await self._app(scope, _again(body, receive), self._remembering(scope, send))

    def _remembering(self, scope: Scope, send: Send) -> Send:
        """Keep count of a file once Streamlit has taken it."""
        session, _, file = scope["path"].partition(ROUTE)[2].partition("/")

        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] < 300:
                self._kept.pop((session, file), None)
                self._kept[session, file] = None
                while len(self._kept) > KEPT_FILES:
                    oldest = next(iter(self._kept))
                    del self._kept[oldest]
                    self._forget(*oldest)
            await send(message)

        return wrapped


def _announced(scope: Scope) -> int:
    written = Headers(scope=scope).get("content-length", "")
    return int(written) if written.isascii() and written.isdigit() and len(written) < 20 else 0


async def _whole(receive: Receive) -> bytes | None:
    """The request's body; None if it is too large, or if the connection broke off."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        if message["type"] == "http.disconnect" or len(body) > MAX_BYTES + FRAMING:
            return None
        more = message.get("more_body", False)
    return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """Replay a body that was read already, then pass on later messages."""
    given = False

    async def wrapped() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return wrapped
