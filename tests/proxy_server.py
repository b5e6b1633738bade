"""A proxy that refuses everything and remembers what it was asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
"""Variables that name proxies."""


class ProxyServer(ThreadingHTTPServer):
    """Listens on loopback."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Refusal)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """Its address, as the environment names it."""
        return f"http://127.0.0.1:{self.server_port}"


class _Refusal(BaseHTTPRequestHandler):
    def _refuse(self) -> None:
        server = self.server
        assert isinstance(server, ProxyServer)
        server.asked.append(f"{self.command} {self.path}")
        self.send_response(403)
        self.end_headers()

    do_GET = do_POST = do_DELETE = do_CONNECT = _refuse

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def refusing_proxy() -> Iterator[ProxyServer]:
    """The proxy while it runs."""
    with ProxyServer() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
