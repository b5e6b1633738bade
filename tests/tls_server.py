"""A server that ends TLS before another one: the bundled Valkey knows no TLS."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


def make_certificate(folder: Path, name: str = "DNS:localhost") -> tuple[Path, Path]:
    """Make a certificate for a name that is its own authority; returns it and its key."""
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-keyout", str(key), "-out", str(certificate), "-days", "2", "-subj", "/CN=localhost"),
        *("-addext", f"subjectAltName={name}"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@contextmanager
def tls_before(port: int, certificate: Path, key: Path, host: str = "127.0.0.1") -> Iterator[int]:
    """Pass what comes by TLS at an address of this machine to a port of it; gives the port where it listens."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    listening = socket.create_server((host, 0))

    def accept() -> None:
        with suppress(OSError):  # until it is closed
            while True:
                client, _ = listening.accept()
                threading.Thread(target=serve, args=(client,), daemon=True).start()

    def serve(client: socket.socket) -> None:
        with (
            suppress(OSError),
            client,
            socket.create_connection(("127.0.0.1", port)) as server,
            context.wrap_socket(client, server_side=True) as passed,
        ):
            back = threading.Thread(target=copy, args=(server, passed), daemon=True)
            back.start()
            copy(passed, server)
            back.join()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(listening.getsockname()[1])
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def copy(source: socket.socket, target: socket.socket) -> None:
    """Pass on what comes until one side ends."""
    with suppress(OSError):
        while content := source.recv(65_536):
            target.sendall(content)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
