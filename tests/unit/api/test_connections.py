"""What a client may keep open: a real server on a real socket, with bounds of tenths of a second."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosedError
from websockets.sync.client import connect

from evaluator.api import connections
from evaluator.api.connections import MOST_BYTES, Bounds, bound, bound_servers

PATIENCE = 0.5
"""Seconds that the servers here wait for a request."""
UPGRADE = (
    b"GET /flood HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: Upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
ANSWER = b"GET /short HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


async def short(_request: Request) -> Response:
    return PlainTextResponse("here")


async def endless(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0)
            yield b"x" * 100_000

    return StreamingResponse(chunks())


async def slow(_request: Request) -> Response:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(4):
            await asyncio.sleep(PATIENCE / 2)
            yield b"x"

    return StreamingResponse(chunks())


async def patient(_request: Request) -> Response:
    await asyncio.sleep(60)
    return PlainTextResponse("late")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        await websocket.send_text("x" * len(message["bytes"]))


async def flood(websocket: WebSocket) -> None:
    await websocket.accept()
    while True:
        await websocket.send_bytes(b"x" * 100_000)


APP = Starlette(
    routes=[
        Route("/short", short), Route("/endless", endless), Route("/slow", slow), Route("/patient", patient),
        WebSocketRoute("/echo", echo), WebSocketRoute("/flood", flood),
    ]
)  # fmt: skip


@contextmanager
def served(bounds: Bounds | None) -> Iterator[int]:
    """The port of a server with these bounds; without any, with those that every server has."""
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(APP, log_config=None, ws="websockets-sansio", ws_max_size=200_000_000)
    server = uvicorn.Server(config)
    if bounds is not None:
        config.load()
        bound(config, bounds)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield listening.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


@contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        yield connection


def is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed it; waits for that."""
    try:
        return connection.recv(1) == b""
    except ConnectionResetError:
        return True


def test_connections_without_a_request_are_closed() -> None:
    with served(Bounds(patience=PATIENCE)) as port, connected(port) as connection:
        assert is_closed(connection)


def test_slow_requests_are_closed() -> None:
    """What uvicorn does between two requests, its timeout of idle connections, ends with the first byte."""
    with served(Bounds(patience=PATIENCE)) as port, connected(port) as connection:
        connection.sendall(ANSWER[:-2] + b"slowly: ")
        connection.settimeout(PATIENCE / 10)
        closed = False
        deadline = time.monotonic() + 20
        while not closed and time.monotonic() < deadline:
            try:
                connection.sendall(b"x")
                closed = connection.recv(1) == b""
            except TimeoutError:
                continue
            except OSError:
                closed = True
        assert closed


def test_connections_without_a_next_request_are_closed() -> None:
    with served(Bounds(patience=PATIENCE)) as port, connected(port) as connection:
        connection.sendall(ANSWER)
        assert b"200 OK" in connection.recv(10_000)
        connection.sendall(ANSWER[:20])
        assert is_closed(connection)


def test_an_answer_may_take_as_long_as_it_takes() -> None:
    with served(Bounds(patience=PATIENCE)) as port, connected(port) as connection:
        connection.sendall(b"GET /slow HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
        answer = b""
        while part := connection.recv(10_000):
            answer += part
        assert answer.endswith(b"0\r\n\r\n")


def test_clients_that_do_not_read_are_disconnected() -> None:
    bounds = Bounds(patience=PATIENCE, stalled=PATIENCE)
    with served(bounds) as port, connected(port) as connection:
        connection.sendall(b"GET /endless HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n")
        time.sleep(3 * PATIENCE)  # the reader's own silence, which is what is tested
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not is_closed(connection):
            connection.recv(1 << 20)
        assert time.monotonic() < deadline


def test_idle_connections_make_room_for_those_that_ask(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), served(Bounds(most=5)) as port, ExitStack() as stack:
        idle = [stack.enter_context(connected(port)) for _ in range(12)]
        for _ in range(3):
            with connected(port) as connection:
                connection.sendall(ANSWER)
                assert b"200 OK" in connection.recv(10_000)
        assert all(map(is_closed, idle[:8]))
    warnings = [record.getMessage() for record in caplog.records if "connections are open" in record.message]
    assert warnings == ["5 connections are open, as many as may be; closing idle ones"]


def test_websockets_count_and_none_is_closed_for_another() -> None:
    with served(Bounds(most=2)) as port, ExitStack() as stack:
        first, second = (stack.enter_context(connect(f"ws://127.0.0.1:{port}/echo")) for _ in range(2))
        with connected(port) as third:
            assert is_closed(third)
        for websocket in (first, second):
            websocket.send(b"abc")
            assert websocket.recv() == "xxx"


@pytest.mark.parametrize(
    "headers",
    [
        b"content-length: 10\r\n",
        b"transfer-encoding: chunked\r\n",
        b"x: y\r\n" * 200,
        b"x: " + b"y" * 9000 + b"\r\n",
    ],
    ids=["a body", "chunks", "many headers", "a long header"],
)
def test_a_websocket_whose_request_cannot_be_read_is_closed(headers: bytes) -> None:
    """It stayed open and unanswered for ever, and no other connection made it go."""
    with served(Bounds()) as port, connected(port) as connection:
        connection.sendall(UPGRADE + headers + b"\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")
        assert is_closed(connection)


@pytest.mark.parametrize("last", [b"", b"\x88\x80abcd"], ids=["silent", "asks to close"])
def test_a_websocket_of_which_nothing_is_read_is_left(last: bytes) -> None:
    with served(Bounds(stalled=PATIENCE)) as port, connected(port) as connection:
        connection.sendall(UPGRADE + b"\r\n" + last)
        time.sleep(4 * PATIENCE)  # the reader's own silence, which is what is tested
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and not is_closed(connection):
            connection.recv(1 << 20)
        assert time.monotonic() < deadline


def test_a_websocket_that_is_read_slowly_stays() -> None:
    with served(Bounds(stalled=PATIENCE)) as port, connected(port) as connection:
        connection.sendall(UPGRADE + b"\r\n")
        until = time.monotonic() + 6 * PATIENCE
        while time.monotonic() < until:
            assert connection.recv(200_000)
            time.sleep(PATIENCE / 50)


def test_a_browser_sends_little_and_may_get_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MOST_BYTES", 1000)
    with served(Bounds(most=10)) as port, connect(f"ws://127.0.0.1:{port}/echo") as websocket:
        websocket.send(b"x" * 1000)
        assert len(websocket.recv()) == 1000
        websocket.send([b"x" * 600, b"x" * 600])  # in two frames
        with pytest.raises(ConnectionClosedError) as caught:
            websocket.recv()
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009  # too big


@pytest.mark.parametrize("target", ["/queue/?ä", "/ä", "/?\x80"])
def test_a_target_that_is_not_ascii_is_refused_before_anybody_decodes_it(target: str) -> None:
    """As what serves the queue's dashboard would, with a 500."""
    with served(Bounds()) as port, connected(port) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode("latin-1"))
        assert connection.recv(1000).startswith(b"HTTP/1.1 400 ")


def test_a_server_that_stops_ends_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as the start of the demo, which may wait for 20 s: whoever started the server kills it after ten."""
    monkeypatch.setattr(connections, "STOPPING", 1.0)
    with ExitStack() as stack:
        port = stack.enter_context(served(Bounds()))
        connection = stack.enter_context(connected(port))
        connection.sendall(ANSWER.replace(b"short", b"patient"))
        with connected(port) as other:  # by now it has taken the first
            other.sendall(ANSWER)
            assert b"200 OK" in other.recv(10_000)
        began = time.monotonic()
        stack.close()
    assert time.monotonic() - began < 8


def test_every_server_is_bound_however_it_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uvicorn.Server, "startup", uvicorn.Server.startup)  # restored at the end
    bound_servers()
    with served(None) as port, connect(f"ws://127.0.0.1:{port}/echo", max_size=None) as websocket:
        websocket.send(b"x" * (MOST_BYTES + 1))
        with pytest.raises(ConnectionClosedError):
            websocket.recv()
