"""Proxies: what lies elsewhere goes through them, this machine never."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import psutil
import pytest

from evaluator.errors import InvalidInputError
from evaluator.proxies import client_for, direct_client, except_here, is_here
from tests.proxy_server import PROXIES, ProxyServer, refusing_proxy


class Answers(BaseHTTPRequestHandler):
    """Says hello."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProxyServer]:
    """A proxy that refuses everything, named by the environment for all there is."""
    with refusing_proxy() as server:
        for name in PROXIES:
            monkeypatch.setenv(name, server.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield server


@pytest.fixture
def server() -> Iterator[str]:
    """A server on loopback; its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def test_this_machine_is_asked_without_a_proxy(proxy: ProxyServer, server: str) -> None:
    with client_for(server, base_url=server) as client:
        assert client.get("/").text == "hello"
    with direct_client() as client:
        assert client.get(server).text == "hello"
    assert proxy.asked == []
    assert httpx.get(server).status_code == 403  # what happens without
    assert proxy.asked == [f"GET {server}/"]


def test_what_lies_elsewhere_goes_through_the_proxy(proxy: ProxyServer) -> None:
    with client_for("http://elsewhere.invalid") as client:
        assert client.get("http://elsewhere.invalid/x").status_code == 403
    assert proxy.asked == ["GET http://elsewhere.invalid/x"]


def test_a_socks_proxy_needs_a_package_only_for_what_lies_elsewhere(
    monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    monkeypatch.delenv("all_proxy", raising=False)
    with client_for(server) as client:
        assert client.get(server).text == "hello"
    with pytest.raises(InvalidInputError, match=r"cannot be used: .*socks.*Correct .*ALL_PROXY"):
        client_for("https://elsewhere.invalid")


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "evaluator.localhost", "127.0.0.1", "127.8.9.10", "[::1]", "0.0.0.0",
     "[::ffff:127.0.0.1]", socket.gethostname()],
)  # fmt: skip
def test_loopback_is_here(host: str) -> None:
    assert is_here(f"http://{host}:8501/api")


def test_its_own_addresses_are_here() -> None:
    for entries in psutil.net_if_addrs().values():
        for entry in entries:
            if entry.family == socket.AF_INET:
                assert is_here(f"https://{entry.address}/v1")


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/", "http://[2001:db8::1]/", "http://elsewhere.invalid/", "x"]
)
def test_other_addresses_are_not(proxy: ProxyServer, url: str) -> None:
    assert not is_here(url)


def test_a_name_that_leads_here_is_here(proxy: ProxyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one of /etc/hosts."""
    known = {"mine.example": ["127.0.0.1", "::1"], "both.example": ["127.0.0.1", "192.0.2.1"]}

    def addresses(host: str, _port: object) -> list[tuple[object, ...]]:
        return [(0, 0, 0, "", (address, 0)) for address in known[host]]

    monkeypatch.setattr(socket, "getaddrinfo", addresses)
    assert is_here("http://mine.example:8501")
    assert not is_here("http://both.example:8501")


def test_libraries_are_told(proxy: ProxyServer, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "intranet.example, localhost")
    except_here()
    assert os.environ["NO_PROXY"] == os.environ["no_proxy"]
    hosts = os.environ["NO_PROXY"].split(",")
    assert hosts[:4] == ["intranet.example", "localhost", "127.0.0.1", "::1"]
    assert httpx.get(server).text == "hello"
    before = os.environ["NO_PROXY"]
    except_here()
    assert os.environ["NO_PROXY"] == before


def test_without_a_proxy_the_environment_stays_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    except_here()
    assert "NO_PROXY" not in os.environ
