"""Hubs of models on this machine: one that answers, and one that takes connections and never does."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from huggingface_hub import constants
from huggingface_hub.utils import _detect_agent

from evaluator.retrieval.encoders import resolve
from evaluator.retrieval.encoders.lookups import Lookups

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def use_hub(monkeypatch: pytest.MonkeyPatch, url: str, cache: Path) -> None:
    """Ask the hub at a URL, with nothing downloaded and nothing remembered."""
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", False)
    monkeypatch.setattr(
        _detect_agent, "_registry", None
    )  # as in a process that has not asked for anything yet
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(cache))
    monkeypatch.setattr(resolve, "lookups", Lookups())


@dataclass
class SilentHub:
    """Takes connections, as a network that drops packets does in the end, and answers none of them.

    Attributes:
        connections: that it took.
        asked: set once it has taken one.
    """

    url: str = ""
    connections: int = 0
    asked: threading.Event = field(default_factory=threading.Event)
    _open: list[socket.socket] = field(default_factory=list)
    _released: bool = False

    def take(self, connection: socket.socket) -> None:
        """Take a connection; once released, only to close it."""
        self.connections += 1
        self._open.append(connection)
        self.asked.set()
        if self._released:
            self.release()

    def release(self) -> None:
        """Close all connections, so that whoever waits fails at last."""
        self._released = True
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        self._open.clear()


@contextmanager
def silent_hub() -> Iterator[SilentHub]:
    """A hub that never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hub = SilentHub(url=f"http://127.0.0.1:{listener.getsockname()[1]}")

        def listen() -> None:
            with suppress(OSError):
                while True:
                    hub.take(listener.accept()[0])

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield hub
        finally:
            hub.release()
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


@dataclass
class Hub:
    """Has models, each a mapping of file names to contents; all at the commit `COMMIT`.

    Attributes:
        sizes: of files, where the hub is to tell others than they have.
        status: answered to every request instead, if set.
        paths: that were asked for.
    """

    models: Mapping[str, Mapping[str, bytes]]
    sizes: Mapping[str, int] = field(default_factory=dict)
    status: int | None = None
    url: str = ""
    paths: list[str] = field(default_factory=list)

    def answer(self, path: str) -> tuple[int, Mapping[str, str], bytes]:
        """Status, headers and content for a path."""
        self.paths.append(path)
        if self.status is not None:
            return self.status, {}, b""
        parts = unquote(urlsplit(path).path).strip("/").split("/")
        if parts[0] == "api":
            _, _, organisation, name, *rest = parts
            return self._described(f"{organisation}/{name}", rest)
        organisation, name, _resolve, _commit, *file = parts
        content = self.models.get(f"{organisation}/{name}", {}).get("/".join(file))
        if content is None:
            return 404, {"X-Repo-Commit": COMMIT, "X-Error-Code": "EntryNotFound"}, b""
        etag = hashlib.sha1(content, usedforsecurity=False).hexdigest()
        return 200, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'}, content

    def _described(self, model: str, rest: list[str]) -> tuple[int, Mapping[str, str], bytes]:
        files = self.models.get(model)
        if files is None:
            return 404, {"X-Error-Code": "RepoNotFound"}, b"{}"
        sized = {name: self.sizes.get(name, len(content)) for name, content in files.items()}
        if rest and rest[0] == "tree":
            tree = [{"type": "file", "path": n, "size": size, "oid": n} for n, size in sized.items()]
            return 200, {"Content-Type": "application/json"}, json.dumps(tree).encode()
        siblings = [{"rfilename": name, "size": size} for name, size in sized.items()]
        record = {"id": model, "sha": COMMIT, "siblings": siblings}
        return 200, {"Content-Type": "application/json"}, json.dumps(record).encode()


@contextmanager
def hub_with(models: Mapping[str, Mapping[str, bytes]]) -> Iterator[Hub]:
    """A hub that answers."""
    hub = Hub(models)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._reply(self.path)

        def do_HEAD(self) -> None:
            self._reply(self.path, body=False)

        def _reply(self, path: str, *, body: bool = True) -> None:
            status, headers, content = hub.answer(path)
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
