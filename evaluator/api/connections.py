"""Limits on connections and WebSocket messages: uvicorn limits neither the wait for a request nor the number of
connections, and Streamlit accepts messages from browsers as large as those it sends.

A file descriptor that an idle client holds is missing for the database, the queue and other clients.
"""

from __future__ import annotations

import asyncio
import logging
import resource
import socket
import time
from dataclasses import dataclass, field
from functools import partial
from typing import Any, cast

from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from evaluator.api.people.peer import KnowsPeer

logger = logging.getLogger(__name__)

REQUEST_PATIENCE = 10.0
"""Seconds for a request to begin and its headers to be complete; sending slowly does not restart the time."""
STALLED = 60.0
"""Seconds after which a client that reads nothing of its answer is disconnected."""
MOST_CONNECTIONS = 2048
BACKLOG = 128
"""The listen backlog: connections that the system queues and may accept before the next check of the limit."""
MOST_BYTES = 4 << 20
"""The most bytes of a WebSocket message from a browser: 16 times an experiment file, the largest text of a page."""
STOPPING = 5.0
"""Seconds that a stopping server gives running requests: half of the supervisor's patience; the rest is for closing."""
UNREADABLE = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TELL_EVERY = 60.0
"""Seconds between two warnings."""


def most_connections() -> int:
    """Half of the files that this process may open: the rest is for the database, the queue and uploads."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else min(files // 2, MOST_CONNECTIONS)


@dataclass
class Bounds:
    """The limits on the connections of one server.

    Attributes:
        most: the most connections at the same time, including WebSockets.
        patience: see `REQUEST_PATIENCE`.
        stalled: see `STALLED`.
        waiting: connections without a request, in the order in which they began to wait.
    """

    most: int = field(default_factory=most_connections)
    patience: float = REQUEST_PATIENCE
    stalled: float = STALLED
    waiting: dict[BoundedConnection, asyncio.TimerHandle] = field(default_factory=dict)
    warned_at: float = -TELL_EVERY

    def make_room(self, newest: BoundedConnection) -> None:
        """Enforce the limit: close the connection that has waited longest without a request."""
        if len(newest.connections) <= self.most:
            return
        if time.monotonic() - self.warned_at >= TELL_EVERY:
            self.warned_at = time.monotonic()
            logger.warning("%d connections are open, as many as may be; closing idle ones", self.most)
        # The newest connection waits, too, so there is at least one.
        next(iter(self.waiting)).leave()


class BoundedConnection(H11Protocol):
    """A connection that is closed if its client sends no request, or does not read its answer."""

    def __init__(self, *args: Any, bounds: Bounds, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bounds = bounds
        self._reader: asyncio.TimerHandle | None = None
        self._unread = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait()
        self._bounds.make_room(self)

    def data_received(self, data: bytes) -> None:
        """Stop waiting once a request's headers are whole."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._stop_waiting()

    def handle_websocket_upgrade(self, event: Any) -> None:
        """Stop watching: the WebSocket's protocol takes over, and checks with pings that the client is alive."""
        self._stop_waiting()
        self._forget_reader()
        super().handle_websocket_upgrade(event)

    def on_response_complete(self) -> None:
        """Wait for the next request, unless it is there already."""
        self._wait()
        super().on_response_complete()
        if not self.cycle.response_complete:
            self._stop_waiting()

    def pause_writing(self) -> None:
        """Watch a client that reads more slowly than the server sends."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """Stop watching: the client reads again."""
        super().resume_writing()
        self._forget_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting and watching."""
        self._stop_waiting()
        self._forget_reader()
        super().connection_lost(exc)

    def leave(self) -> None:
        """Close at once, even if data is still being sent."""
        self._stop_waiting()
        self.connections.discard(self)
        self.transport.abort()

    def _wait(self) -> None:
        self._stop_waiting()
        self._bounds.waiting[self] = self.loop.call_later(self._bounds.patience, self._waited_enough)

    def _stop_waiting(self) -> None:
        if (timer := self._bounds.waiting.pop(self, None)) is not None:
            timer.cancel()

    def _waited_enough(self) -> None:
        self._stop_waiting()
        self.transport.close()  # after the client has read the last answer
        self._watch_reader()

    def _watch_reader(self) -> None:
        self._forget_reader()
        self._unread = self.transport.get_write_buffer_size()
        self._reader = self.loop.call_later(self._bounds.stalled, self._look_at_reader)

    def _look_at_reader(self) -> None:
        # Nothing is written while the client is watched, so if the buffer has not shrunk, nothing was read.
        if self.transport.get_write_buffer_size() >= self._unread:
            self.leave()
        else:
            self._watch_reader()

    def _forget_reader(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that is closed if its client sends an invalid request, or does not read."""

    def __init__(self, *args: Any, stalled: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stalled = stalled
        self._unread = 0
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start watching whether the client reads."""
        super().connection_made(transport)
        self._look_later()

    def data_received(self, data: bytes) -> None:
        """Refuse a request with a body or with too long headers, which would never be answered."""
        super().data_received(data)
        if not self.handshake_initiated:  # the request comes in one piece
            self.transport.write(UNREADABLE)
            self.transport.close()

    def resume_writing(self) -> None:
        """Stop watching: the client reads again."""
        super().resume_writing()
        self._unread = 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop watching."""
        if self._look is not None:
            self._look.cancel()
        super().connection_lost(exc)

    def _look_later(self) -> None:
        self._look = self.loop.call_later(self._stalled, self._look_at_reader)

    def _look_at_reader(self) -> None:
        unread, before = self.transport.get_write_buffer_size(), self._unread
        if 0 < before <= unread:
            self.transport.abort()
            return
        # While the buffer is full or closing, only pings are written, so if it has not shrunk, nothing was read.
        waits = self.transport.is_closing() or not self.writable.is_set()
        self._unread = unread if waits else 0
        self._look_later()


_startup = Server.startup


async def _bounded_startup(server: Server, sockets: list[socket.socket] | None = None) -> None:
    bound(server.config, Bounds())
    server.config.loaded_app = KnowsPeer(server.config.loaded_app)
    await _startup(server, sockets)


def bound(config: Config, bounds: Bounds) -> None:
    """Apply these limits to a server that is configured but has not started."""
    config.http_protocol_class = cast(type[asyncio.Protocol], partial(BoundedConnection, bounds=bounds))
    config.ws_protocol_class = cast(type[asyncio.Protocol], partial(BoundedWebSocket, stalled=bounds.stalled))
    config.ws_max_size = MOST_BYTES
    config.backlog = min(config.backlog, BACKLOG)
    config.timeout_graceful_shutdown = round(STOPPING)


def bound_servers() -> None:
    """Apply these limits to every uvicorn server that this process starts from now on, such as that of `streamlit run`.
    It also notes where connections come from, before uvicorn believes `X-Forwarded-For`.

    Streamlit configures its server itself, without these settings, before it loads the application. The server starts
    after that, and so the limits are applied at its start.
    """
    Server.startup = _bounded_startup  # type: ignore[method-assign, assignment]
