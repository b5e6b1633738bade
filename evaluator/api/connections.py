"""What a client may keep open, and how much it may send at once: uvicorn bounds neither the wait for a request, nor the
number of connections, and Streamlit lets browsers send as much as it sends them.

A file descriptor that a silent client holds is one that the database, the queue and other people do without.
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

logger = logging.getLogger(__name__)

REQUEST_PATIENCE = 10.0
"""Seconds in which a request must begin, and its headers be whole; slowly sent ones do not begin anew."""
STALLED = 60.0
"""Seconds without a byte taken after which a client that reads an answer is not waited for."""
MOST_CONNECTIONS = 2048
BACKLOG = 128
"""Connections that the system keeps until they are taken, and that are taken before another look at how many there
are."""
MOST_BYTES = 4 << 20
"""Of a browser's message through a WebSocket: 16 times an experiment file, the largest text that a page asks for."""
STOPPING = 5.0
"""Seconds that a server which stops gives requests; the other half of the supervisor's patience is for closing."""
UNREADABLE = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
TELL_EVERY = 60.0
"""Seconds between two warnings."""


def most_connections() -> int:
    """Half of the files that this process may have open: the others are the database's, the queue's and uploads'."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if files == resource.RLIM_INFINITY else min(files // 2, MOST_CONNECTIONS)


@dataclass
class Bounds:
    """What holds for the connections of one server.

    Attributes:
        most: connections at the same time, WebSockets among them.
        patience: as `REQUEST_PATIENCE`.
        stalled: as `STALLED`.
        waiting: those without a request now, in the order in which they began to wait.
    """

    most: int = field(default_factory=most_connections)
    patience: float = REQUEST_PATIENCE
    stalled: float = STALLED
    waiting: dict[BoundedConnection, asyncio.TimerHandle] = field(default_factory=dict)
    warned_at: float = -TELL_EVERY

    def make_room(self, newest: BoundedConnection) -> None:
        """Keep to the limit: who has waited longest without a request goes first, and else the newest."""
        if len(newest.connections) <= self.most:
            return
        if time.monotonic() - self.warned_at >= TELL_EVERY:
            self.warned_at = time.monotonic()
            logger.warning("%d connections are open, as many as may be; closing idle ones", self.most)
        # The newest waits, too, so there is one.
        next(iter(self.waiting)).leave()


class BoundedConnection(H11Protocol):
    """A connection that is closed where its client neither asks nor reads."""

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
        """From here on it is another protocol's, which asks for signs of life."""
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
        """The client reads more slowly than it is sent to."""
        super().pause_writing()
        self._watch_reader()

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._forget_reader()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to wait for."""
        self._stop_waiting()
        self._forget_reader()
        super().connection_lost(exc)

    def leave(self) -> None:
        """Close, whatever is still on its way."""
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
        self.transport.close()  # once the last answer is read
        self._watch_reader()

    def _watch_reader(self) -> None:
        self._forget_reader()
        self._unread = self.transport.get_write_buffer_size()
        self._reader = self.loop.call_later(self._bounds.stalled, self._look_at_reader)

    def _look_at_reader(self) -> None:
        # Nothing is written while it is watched, so what is not less was not read.
        if self.transport.get_write_buffer_size() >= self._unread:
            self.leave()
        else:
            self._watch_reader()

    def _forget_reader(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            self._reader = None


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket that is closed where its client's request is none, or where nothing is read."""

    def __init__(self, *args: Any, stalled: float, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stalled = stalled
        self._unread = 0
        self._look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Look at its reader from now on."""
        super().connection_made(transport)
        self._look_later()

    def data_received(self, data: bytes) -> None:
        """Take no request that cannot be read: one with a body, or with too long headers, would stay unanswered."""
        super().data_received(data)
        if not self.handshake_initiated:  # the request comes whole
            self.transport.write(UNREADABLE)
            self.transport.close()

    def resume_writing(self) -> None:
        """It reads again."""
        super().resume_writing()
        self._unread = 0

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left to look at."""
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
        # Nothing but signs of life is written while it is full, or closes, so what is not less then was not read.
        waits = self.transport.is_closing() or not self.writable.is_set()
        self._unread = unread if waits else 0
        self._look_later()


_startup = Server.startup


async def _bounded_startup(server: Server, sockets: list[socket.socket] | None = None) -> None:
    bound(server.config, Bounds())
    await _startup(server, sockets)


def bound(config: Config, bounds: Bounds) -> None:
    """Have a server that is configured, and has not started, keep to these bounds."""
    config.http_protocol_class = cast(type[asyncio.Protocol], partial(BoundedConnection, bounds=bounds))
    config.ws_protocol_class = cast(type[asyncio.Protocol], partial(BoundedWebSocket, stalled=bounds.stalled))
    config.ws_max_size = MOST_BYTES
    config.backlog = min(config.backlog, BACKLOG)
    config.timeout_graceful_shutdown = round(STOPPING)


def bound_servers() -> None:
    """Bound whatever server of uvicorn this process starts from now on, by `streamlit run` or otherwise.

    Streamlit configures its server itself, with none of these settings among its own, and has loaded that
    configuration when it loads the application; between that and its first connection it is started.
    """
    Server.startup = _bounded_startup  # type: ignore[method-assign, assignment]
