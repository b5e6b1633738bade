"""Limits on Streamlit's own upload route, which keeps files in memory; pages use it only for experiment files."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evaluator.api.handling import failure, in_time, refusal
from evaluator.errors import TooSlowError
from evaluator.experiments.yaml_nodes import MAX_BYTES

ROUTE = "/_stcore/upload_file/"
"""The route's prefix, followed by the ids of a session and a file."""

FRAMING = 16 << 10
"""The most bytes of a form around its file."""

KEPT_FILES = 32
"""The most files in memory over all sessions; a page reads its file at once."""

Forget = Callable[[str, str], None]
"""Removes a file from memory, by the ids of its session and itself."""


class FewSmallFiles:
    """Accepts files of at most `MAX_BYTES`, and drops the oldest, because Streamlit keeps files after a session ends.

    Datasets have routes of their own, which stream to the disk.

    Args:
        forget: removes the oldest file when there are too many.
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
        """Wrap `send` to count a file once Streamlit has accepted it."""
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
    """The request's body; None if it is too large, or if the client disconnected."""
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
    replayed = False

    async def wrapped() -> Message:
        nonlocal replayed
        if replayed:
            return await receive()
        replayed = True
        return {"type": "http.request", "body": body, "more_body": False}

    return wrapped
