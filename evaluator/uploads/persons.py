"""The person behind a request: an account, or without accounts all clients at one address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from evaluator.workspace.acting import acting

HERE = "this machine"
"""All clients on the server's own machine, and the command line."""
NETWORK = 64
"""Leading bits of an IPv6 address, which a person cannot choose."""


def person_at(address: str | None) -> str:
    """Whoever is signed in, else the person at an IP address; None means this machine, as in Streamlit."""
    if (account := acting().account) is not None:
        return f"account {account}"
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address or "")
    except ValueError:
        return address or HERE
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if parsed.is_loopback:
        return HERE
    if isinstance(parsed, IPv6Address):
        return str(IPv6Network((parsed, NETWORK), strict=False))
    return str(parsed)
