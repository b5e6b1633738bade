"""Where a webhook may go: to public addresses over https, and to hosts that the operator names.

A server that posts to any address that somebody types would reach what only it can reach: loopback, its own network,
the metadata of a cloud. So the host's addresses are looked up here and checked, and the connection goes to the address
that was checked, not to what the name means a moment later.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from evaluator.errors import InvalidInputError

PORTS = {"http": 80, "https": 443}
LONGEST = 2000
"""Characters of an address."""
TRANSLATED = ip_network("64:ff9b::/96")
"""IPv4 addresses behind a translator (RFC 6052)."""


class Destination(NamedTuple):
    """Where to post to.

    Attributes:
        url: with the address that was checked in the place of the host's name, unless the operator names the host.
        host: for the header `Host` and the certificate.
        is_named: whether the operator names the host: then proxies may be used, and the address may be private.
    """

    url: str
    host: str
    name: str
    is_named: bool


def checked_url(url: str, named: Sequence[str]) -> str:
    """A webhook's address, without looking it up.

    Args:
        named: hosts that the operator names, as in EVALUATOR_WEBHOOK_HOSTS.

    Raises:
        InvalidInputError: it can be none; does not tell it.
    """
    _parts(url.strip(), named)
    return url.strip()


def destination(url: str, named: Sequence[str]) -> Destination:
    """Where to post to, looked up and checked now.

    Raises:
        InvalidInputError: it may not go there, or the name is unknown; does not tell the address.
    """
    parts = _parts(url, named)
    name, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    host = parts.netloc
    if _is_named(parts, named):
        return Destination(url, host, name, is_named=True)
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise InvalidInputError("the webhook's host is not known") from error
    addresses = [ip_address(address.partition("%")[0]) for address in sorted(found)]
    if not addresses or not all(map(is_public, addresses)):
        raise InvalidInputError(PRIVATE)
    first = min(addresses, key=lambda address: address.version)
    shown = f"[{first}]" if first.version == 6 else str(first)
    return Destination(parts._replace(netloc=f"{shown}:{port}").geturl(), host, name, is_named=False)


PRIVATE = "the webhook's host has a private address; the operator can name it in EVALUATOR_WEBHOOK_HOSTS"


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Whether an address is one of the internet, and hides no other one in itself."""
    if isinstance(address, IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if address in TRANSLATED:
            inner = IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None and not is_public(inner):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def shown(url: str) -> str:
    """The part of a webhook's address that is no secret: scheme and host."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}/…"


def _parts(url: str, named: Sequence[str]) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise InvalidInputError("the webhook is no address, such as https://hooks.example.org/...") from error
    if (
        len(url) > LONGEST
        or not url.isascii()
        or any(sign.isspace() or not sign.isprintable() for sign in url)
    ):
        raise InvalidInputError(f"a webhook's address has at most {LONGEST:,} characters, all of them ASCII")
    if parts.scheme not in PORTS or not parts.hostname or port == 0:
        raise InvalidInputError("the webhook is no address, such as https://hooks.example.org/...")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise InvalidInputError("a webhook's address has no user, no password and no #")
    if parts.scheme == "http" and not _is_named(parts, named):
        raise InvalidInputError("a webhook's address begins with https://")
    return parts


def _is_named(parts: SplitResult, named: Sequence[str]) -> bool:
    name, port = (parts.hostname or "").lower(), parts.port or PORTS.get(parts.scheme, 0)
    bracketed = f"[{name}]" if ":" in name else name
    return bool({name, bracketed, f"{bracketed}:{port}"} & {each.lower() for each in named})
