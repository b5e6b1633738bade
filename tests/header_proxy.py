"""A reverse proxy that signs people in: it puts a name into a header, and takes a path's prefix off.

Like others, it replaces the header if a client sends one, and says for whom it asks.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

HEADER = "X-Forwarded-User"
REPLACED = re.compile(rf"\r\n({HEADER}|X-Groups|X-Forwarded-[A-Za-z]+|Connection):[^\r]*", re.IGNORECASE)


class HeaderProxy:
    """Listens on loopback.

    Attributes:
        name: whom it names; None for nobody.
        prefix: what it takes off.
    """

    def __init__(self, port: int, name: str | None, prefix: str) -> None:
        self.name = name
        self.groups = "readers"
        self.prefix = prefix
        self._to = port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):  # until it is closed
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            head = b""
            while b"\r\n\r\n" not in head:
                if not (more := client.recv(65_536)):
                    return
                head += more
            text, _, rest = head.decode("latin-1").partition("\r\n\r\n")
            with socket.create_connection(("127.0.0.1", self._to)) as server:
                server.sendall(self._changed(text).encode("latin-1") + rest.encode("latin-1"))
                back = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
                back.start()
                _pass_on(client, server)
                back.join()

    def _changed(self, head: str) -> str:
        line, _, rest = head.partition("\r\n")
        method, path, version = line.split(" ")
        if not path.startswith(f"{self.prefix}/"):
            path = "/api/nothing-is-here"  # somebody else's
        path = path.removeprefix(self.prefix)
        upgrades = "upgrade: websocket" in rest.lower()
        headers = REPLACED.sub("", "\r\n" + rest)
        headers += f"\r\nConnection: {'Upgrade' if upgrades else 'close'}\r\nX-Forwarded-For: 192.0.2.1"
        if self.name is not None:
            headers += f"\r\n{HEADER}: {self.name}\r\nX-Groups: {self.groups}"
        return f"{method} {path} {version}{headers}\r\n\r\n"


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while chunk := one.recv(65_536):
            other.sendall(chunk)
    with suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@contextmanager
def header_proxy(port: int, name: str | None, prefix: str = "") -> Iterator[HeaderProxy]:
    """The proxy before a port of this machine, while it runs."""
    proxy = HeaderProxy(port, name, prefix)
    try:
        yield proxy
    finally:
        proxy.close()
