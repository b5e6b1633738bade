"""A server that answers what a test says, and remembers what it was asked: for what real servers do not do yet."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """An answer; a value that is no text is sent as JSON."""

    status: int
    body: Any = ""
    headers: Mapping[str, str] = {}


@dataclass
class StubServer:
    """What it answers by path, and the token of each request in order."""

    address: str
    answers: dict[str, Answer] = field(default_factory=dict)
    tokens: list[str | None] = field(default_factory=list)


@contextmanager
def stub_server() -> Iterator[StubServer]:
    """A stub on loopback."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            stub.tokens.append(self.headers["authorization"])
            answer = stub.answers.get(self.path, Answer(404, {"error": f"there is no {self.path}"}))
            body = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        stub = StubServer(f"http://127.0.0.1:{running.server_port}")
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield stub
        running.shutdown()
