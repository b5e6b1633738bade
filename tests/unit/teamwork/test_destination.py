"""Where a webhook may go, and where it must not."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import Any

import pytest

from evaluator.errors import InvalidInputError
from evaluator.teamwork.destination import checked_url, destination, is_public, shown


def resolves(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """Let every name lead to these addresses."""

    def found(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", found)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "240.0.0.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::",
        "2001:0:7f00:1::", "2001:db8::1",
    ],
)  # fmt: skip
def test_no_address_of_ones_own_network_is_public(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_public(ip_address(address))
    resolves(monkeypatch, address)
    with pytest.raises(InvalidInputError, match="private address"):
        destination("https://hooks.example.org/x", ())


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"])
def test_the_connection_goes_to_the_address_that_was_checked(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolves(monkeypatch, address)
    to = destination("https://hooks.example.org/x?y=1", ())
    assert to.url == f"https://{f'[{address}]' if ':' in address else address}:443/x?y=1"
    assert (to.host, to.name, to.is_named) == ("hooks.example.org", "hooks.example.org", False)


def test_one_private_address_among_several_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, "93.184.215.14", "10.0.0.1")
    with pytest.raises(InvalidInputError, match="private address"):
        destination("https://hooks.example.org/x", ())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8501/", "https://127.0.0.1/", "https://localhost/", "https://2130706433/", "https://0x7f.1/",
        "https://127.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest/meta-data/",
    ],
)  # fmt: skip
def test_no_way_of_writing_it_leads_to_this_machine(url: str) -> None:
    with pytest.raises(InvalidInputError, match=r"private address|begins with https|is not known"):
        destination(url, ())


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://a.example/x", "is no address"),
        ("file:///etc/passwd", "is no address"),
        ("https:///x", "is no address"),
        ("https://a.example:0/", "is no address"),
        ("https://a.example:99999/", "is no address"),
        ("https://[", "is no address"),
        ("https://user:secret@a.example/", "no user"),
        ("https://a.example/#x", "no user"),
        ("https://a.example/a b", "ASCII"),
        ("https://a.example/\r\nx: y", "ASCII"),
        ("https://\N{CYRILLIC SMALL LETTER A}.example/", "ASCII"),
        (f"https://a.example/{'x' * 2000}", "ASCII"),
        ("http://a.example/", "begins with https"),
    ],
)
def test_what_can_be_no_webhook_is_refused_without_telling_it(url: str, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        checked_url(url, ("b.example",))
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("http://hooks.internal/x", "hooks.internal"),
        ("http://HOOKS.internal:8080/x", "hooks.internal:8080"),
        ("https://10.0.0.1/x", "10.0.0.1:443"),
        ("http://[::1]:99/x", "[::1]:99"),
    ],
)
def test_the_operator_can_name_hosts(url: str, named: str) -> None:
    to = destination(url, (named,))
    assert (to.url, to.is_named) == (url, True)


def test_a_port_that_is_named_is_the_only_one() -> None:
    with pytest.raises(InvalidInputError):
        destination("http://127.0.0.1:6379/", ("127.0.0.1:8080",))


def test_only_the_host_is_shown() -> None:
    assert shown("https://hooks.slack.com/services/T0/B0/secret") == "https://hooks.slack.com/…"
