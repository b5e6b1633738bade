"""A webhook's receiver and a mail server on loopback, which check and remember what arrives."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast


@dataclass
class Posted:
    """A request that arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def record(self) -> dict[str, Any]:
        """The body."""
        return cast("dict[str, Any]", json.loads(self.body))

    def is_signed_by(self, key: str) -> bool:
        """Whether the signature is that of Standard Webhooks, computed here from its description alone."""
        secret = base64.b64decode(key.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        return self.headers["webhook-signature"] == f"v1,{expected}"


@dataclass
class Receiver:
    """Where it is, and what arrived in order."""

    port: int
    posted: list[Posted] = field(default_factory=list)

    @property
    def url(self) -> str:
        """An address with a secret in it."""
        return f"http://127.0.0.1:{self.port}/services/T0-a-secret"


@contextmanager
def receiver(statuses: Sequence[int] = (), on_post: Callable[[], None] = lambda: None) -> Iterator[Receiver]:
    """A receiver on loopback.

    Args:
        statuses: of the first answers; 200 after that.
        on_post: called before an answer.
    """

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            n = len(running_receiver.posted)
            running_receiver.posted.append(
                Posted(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
            )
            on_post()
            status = statuses[n] if n < len(statuses) else 200
            with suppress(OSError):  # whoever posted may be gone
                self.send_response(status)
                if 300 <= status < 400:
                    self.send_header("location", "/elsewhere")
                self.send_header("content-length", "0")
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        running_receiver = Receiver(running.server_port)
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running_receiver
        running.shutdown()


@dataclass
class MailServer:
    """Where it is, what signed in, and the messages that it took."""

    port: int
    signed_in: list[str] = field(default_factory=list)
    messages: list[EmailMessage] = field(default_factory=list)


@contextmanager
def mail_server(refuses: str = "") -> Iterator[MailServer]:
    """A mail server on loopback, as far as RFC 5321 is needed.

    Args:
        refuses: the command that it refuses, such as `RCPT`.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    server = MailServer(int(listening.getsockname()[1]))

    def accept() -> None:
        with suppress(OSError):  # until it is closed
            while True:
                client, _ = listening.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    def serve(client: socket.socket) -> None:
        with suppress(OSError), client, client.makefile("rb") as lines:
            client.sendall(b"220 localhost ESMTP\r\n")
            for line in lines:
                command = line.decode().strip().partition(" ")[0].upper()
                if command == refuses:
                    client.sendall(b"550 not here, it knows user@secret.example\r\n")
                elif command == "EHLO":
                    client.sendall(b"250-localhost\r\n250 AUTH PLAIN\r\n")
                elif command == "AUTH":
                    server.signed_in.append(base64.b64decode(line.split()[-1]).decode())
                    client.sendall(b"235 welcome\r\n")
                elif command == "DATA":
                    client.sendall(b"354 go on\r\n")
                    body = b""
                    while (part := lines.readline()) != b".\r\n":
                        body += part
                    server.messages.append(message_from_bytes(body, policy=policy.default))
                    client.sendall(b"250 taken\r\n")
                elif command == "QUIT":
                    client.sendall(b"221 bye\r\n")
                    return
                else:
                    client.sendall(b"250 ok\r\n")

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield server
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
