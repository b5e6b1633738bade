"""What the server is made of. uvicorn finds it by itself, so nothing but slow answers would say that it is missing."""

from __future__ import annotations

import asyncio
import socket
import sys

import pytest
import uvicorn


class Nothing:
    """An ASGI application that answers nothing."""

    async def __call__(self, *_: object) -> None:
        """Answer nothing."""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop")
def test_answers_wait_for_no_acknowledgement() -> None:
    """Before, each waited for 40 ms: Nagle's algorithm was on for the socket that Streamlit binds."""
    config = uvicorn.Config(Nothing())

    async def accepted() -> int:
        """The option of a connection to a socket of no named protocol, such as Streamlit's."""
        loop = asyncio.get_running_loop()
        found: asyncio.Future[int] = loop.create_future()

        class Seen(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                connection = transport.get_extra_info("socket")
                found.set_result(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

        with socket.socket() as bound:
            bound.bind(("127.0.0.1", 0))
            async with await loop.create_server(Seen, sock=bound):
                _, writer = await asyncio.open_connection(*bound.getsockname())
                option = await found
                writer.close()
                await writer.wait_closed()
        return option

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        assert runner.run(accepted()) == 1
