"""HTTP clients that use the environment's proxies (`HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`), except for this machine.

A proxy is only for other machines: it cannot reach this machine's loopback, and need not reach its other addresses.
"""

from __future__ import annotations

import os
import socket
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import psutil

from evaluator.errors import InvalidInputError

if TYPE_CHECKING:
    import httpx

LOOPBACK = ("localhost", "127.0.0.1", "::1")
VARIABLES = ("NO_PROXY", "no_proxy")


def client_for(url: str, **options: Any) -> httpx.Client:
    """An HTTP client for a URL; it uses the environment's proxies unless the URL's host is this machine.

    Args:
        options: of `httpx.Client`.

    Raises:
        InvalidInputError: a proxy of the environment cannot be used.
    """
    return direct_client(**options) if is_here(url) else proxied_client(**options)


def proxied_client(**options: Any) -> httpx.Client:
    """An HTTP client for other machines, which uses the environment's proxies.

    Raises:
        InvalidInputError: a proxy of the environment cannot be used.
    """
    import httpx  # noqa: PLC0415  half of the commands do without

    try:
        return httpx.Client(**options)
    except (
        ImportError,
        ValueError,
    ) as error:  # a SOCKS proxy without its package, or an invalid address
        raise InvalidInputError(
            f"the proxy that the environment names cannot be used: {error} Correct HTTP_PROXY, HTTPS_PROXY or "
            "ALL_PROXY."
        ) from error


def direct_client(**options: Any) -> httpx.Client:
    """An HTTP client without a proxy; other settings of the environment, such as certificates, still apply."""
    import httpx  # noqa: PLC0415

    return httpx.Client(transport=httpx.HTTPTransport(), **options)


def is_here(url: str) -> bool:
    """Whether a URL's host is this machine: loopback, or one of its own addresses or names."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost") or host == socket.gethostname().lower():
        return True
    try:
        return _is_own(ip_address(host.partition("%")[0]))
    except ValueError:
        return bool(getproxies()) and _leads_here(host)


def except_here() -> None:
    """Apply the same rule to libraries: add this machine to `NO_PROXY` for this process and its children."""
    no_proxy = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    hosts = [host for part in no_proxy.split(",") if (host := part.strip())]
    own_hosts = [*LOOPBACK, *sorted(_own_addresses() - set(LOOPBACK))]
    value = ",".join([*hosts, *(host for host in own_hosts if host not in hosts)])
    if any(kind != "no" for kind in getproxies()):
        os.environ.update(dict.fromkeys(VARIABLES, value))


@lru_cache(maxsize=256)
def _leads_here(host: str) -> bool:
    """Whether a name resolves to this machine alone. Called only if a proxy might be used otherwise."""
    try:
        addresses = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return all(_is_own(ip_address(address.partition("%")[0])) for address in addresses)


def _is_own(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or address.is_unspecified or str(address) in _own_addresses()


def _own_addresses() -> set[str]:
    """IP addresses of this machine's network interfaces."""
    return {
        entry.address.partition("%")[0]
        for entries in psutil.net_if_addrs().values()
        for entry in entries
        if entry.family in (socket.AF_INET, socket.AF_INET6)
    }
