"""A server with OpenAI's interface, on this machine, that misbehaves when told to."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from evaluator.domain.endpoint import Endpoint
from evaluator.domain.experiment import EncoderSpec
from evaluator.retrieval.endpoints.client import connections
from tests.unit.retrieval.fake_encoder import hash_vector

Body = Mapping[str, Any]
Reply = tuple[int, Mapping[str, str], bytes]
Behaviour = Callable[[Body], Reply]


@dataclass
class EndpointServer:
    """Gives the hash vectors of `HashEncoder` (8 dimensions), or what a behaviour says.

    Attributes:
        misbehave: one behaviour a request, first to last; afterwards it behaves.
        chat: what a chat model answers to a question.
        seconds: that every request takes.
        counts_tokens: whether answers tell the tokens used: one a word.
        bodies: requests that came, as JSON; `keys`: their Authorization headers; `moments`: when they came.
        peak: requests under way at once, at most.
    """

    misbehave: deque[Behaviour] = field(default_factory=deque)
    chat: Callable[[str], str | None] = lambda _question: "[1]"
    seconds: float = 0.0
    counts_tokens: bool = True
    bodies: list[Body] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    moments: list[float] = field(default_factory=list)
    peak: int = 0
    url: str = ""
    _under_way: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def texts(self) -> list[str]:
        """All texts that were sent to be encoded, in order."""
        return [text for body in self.bodies for text in body.get("input", ())]

    def answer(self, body: Body, key: str | None) -> Reply:
        """The reply to a request."""
        with self._lock:
            self.bodies.append(body)
            self.keys.append(key)
            self.moments.append(time.monotonic())
            self._under_way += 1
            self.peak = max(self.peak, self._under_way)
            behaviour = self.misbehave.popleft() if self.misbehave else None
        try:
            if self.seconds:
                threading.Event().wait(self.seconds)
            return behaviour(body) if behaviour else self.behave(body)
        finally:
            with self._lock:
                self._under_way -= 1

    def behave(self, body: Body) -> Reply:
        """The right reply."""
        if "messages" in body:
            question = body["messages"][-1]["content"]
            message = {"role": "assistant", "content": self.chat(question)}
            record: dict[str, Any] = {"choices": [{"index": 0, "message": message}]}
            usage = {"prompt_tokens": len(question.split()), "completion_tokens": 5}
        else:
            record = {"data": results(body["input"])}
            usage = {"prompt_tokens": sum(len(text.split()) for text in body["input"])}
        return ok({**record, "usage": usage} if self.counts_tokens else record)


def results(texts: Sequence[str]) -> list[dict[str, Any]]:
    """The right results for texts."""
    return [{"index": n, "embedding": hash_vector(t, "document").tolist()} for n, t in enumerate(texts)]


def ok(record: Any) -> Reply:
    return 200, {}, json.dumps(record).encode()


def refuse(status: int, message: str = "no", **headers: str) -> Behaviour:
    """Answers with a status and a message; `retry_after="1"` becomes the header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _body: (status, named, json.dumps({"error": {"message": message}}).encode())


def give(change: Callable[[list[dict[str, Any]]], Any]) -> Behaviour:
    """Answers with something else made of the right results."""
    return lambda body: ok({"data": change(results(body["input"]))})


def raw(content: bytes) -> Behaviour:
    """Answers with these bytes."""
    return lambda _body: (200, {}, content)


def late(seconds: float) -> Behaviour:
    """Answers rightly, but only after a while."""

    def wait(body: Body) -> Reply:
        threading.Event().wait(seconds)
        return ok({"data": results(body["input"])})

    return wait


@contextmanager
def serve_endpoint(**settings: Any) -> Iterator[EndpointServer]:
    """A server that answers on this machine."""
    told = EndpointServer(**settings)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status, headers, content = told.answer(body, self.headers.get("authorization"))
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
            except (BrokenPipeError, ConnectionResetError):  # whoever asked has given up
                self.close_connection = True

        def log_message(self, *_args: object) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        connections(here=True).close()
        connections.cache_clear()
        server.server_close()
        thread.join()


class OpenGate:
    """A gate without limits, which remembers."""

    def __init__(self) -> None:
        self.paused: list[float] = []
        self.tokens: list[tuple[int, int]] = []

    @contextmanager
    def request(self, _endpoint: Endpoint) -> Iterator[None]:
        yield

    def pause(self, _endpoint: Endpoint, seconds: float) -> None:
        self.paused.append(seconds)

    def spent(self, _endpoint: Endpoint, tokens: int, output_tokens: int) -> None:
        self.tokens.append((tokens, output_tokens))


def endpoint_at(url: str, **changes: Any) -> Endpoint:
    """An endpoint called `api`."""
    return Endpoint(**{"name": "api", "base_url": url, "model": "hash-8", "timeout": 5.0, **changes})


def endpoint_spec(endpoint: Endpoint, **changes: Any) -> EncoderSpec:
    """The resolved encoder of an endpoint."""
    values: dict[str, Any] = {
        "name": endpoint.name,
        "kind": "endpoint",
        "source": "endpoint",
        "weights": f"{endpoint.server}|{endpoint.model}",
        "location": endpoint.model,
        "dimensions": endpoint.dimensions,
        "endpoint": endpoint,
    }
    return EncoderSpec(**{**values, **changes})
