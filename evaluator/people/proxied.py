"""People whom a proxy in front of the server signs in, and names in a header (`EVALUATOR_AUTH=proxy`).

Whoever reaches the server could send such a header, too. It is believed only from addresses of trusted proxies, or with
their secret; the guard removes it from everybody else's requests, so what is left of it can be believed anywhere.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, ip_address

from evaluator.domain.access import Person, Way
from evaluator.errors import EvaluatorError, ForbiddenError, SignedOutError
from evaluator.people.accounts import person_of
from evaluator.people.external import Rules, Vouched, known_by, recognised
from evaluator.settings import Settings
from evaluator.workspace.workspace import Workspace

ISSUER = "proxy"
SECRET_HEADER = "x-evaluator-proxy-secret"  # noqa: S105  a header's name
LONGEST = 200
"""Characters of what a proxy calls somebody."""
MOST_GROUPS = 1000

Headers = Iterable[tuple[bytes, bytes]]
"""As ASGI has them: names in small letters."""


def is_trusted(settings: Settings, peer: str | None, headers: Headers) -> bool:
    """Whether a request's headers come from a trusted proxy.

    Both its address and its secret must be right if both are set.

    Args:
        peer: the address at the other end of the connection, whatever a header says.
    """
    if "proxy" not in settings.auth:
        return False
    if settings.trusted_proxies and not _is_among(settings, peer):
        return False
    if settings.proxy_secret is None:
        return bool(settings.trusted_proxies)
    given = [value for name, value in headers if name == SECRET_HEADER.encode()]
    wanted = settings.proxy_secret.get_secret_value().encode()
    return len(given) == 1 and hmac.compare_digest(given[0], wanted)


def believed(
    settings: Settings, peer: str | None, headers: list[tuple[bytes, bytes]]
) -> list[tuple[bytes, bytes]]:
    """A request's headers without the proxy's secret, and without what anybody but a trusted proxy says of people."""
    hidden = {SECRET_HEADER.encode()}
    if not is_trusted(settings, peer, headers):
        hidden |= {settings.proxy_header.lower().encode()}
        hidden |= {(settings.proxy_groups_header or settings.proxy_header).lower().encode()}
    return [(name, value) for name, value in headers if name.lower() not in hidden]


def vouched_in(settings: Settings, headers: Headers) -> Vouched | None:
    """Whom a proxy names in headers that can be believed; None if nobody.

    Raises:
        SignedOutError: it names two people, or somebody whose name is too long.
    """
    names = [value for name, value in headers if name == settings.proxy_header.lower().encode()]
    if "proxy" not in settings.auth or not names or names == [b""]:
        return None
    name = _text(names[0])
    if len(names) > 1 or not 1 <= len(name) <= LONGEST or not name.isprintable():
        raise SignedOutError("the proxy names nobody whom it could mean; ask who runs it")
    groups: frozenset[str] = frozenset()
    if settings.proxy_groups_header is not None:
        wanted = settings.proxy_groups_header.lower().encode()
        texts = [_text(value) for each, value in headers if each == wanted]
        parts = [part.strip() for text in texts for part in text.split(",")]
        groups = frozenset(part for part in parts[:MOST_GROUPS] if part)
    return Vouched(ISSUER, name, (name,), groups, Way.PROXY, "the proxy")


def arrived(workspace: Workspace, vouched: Vouched) -> Person:
    """Whoever a proxy names, with the roles that their groups have now. Their account is made at first sight.

    Raises:
        ForbiddenError, ConflictError: they have no account, and get none.
    """
    try:
        return person_of(recognised(workspace, vouched, rules(workspace.settings)), Way.PROXY)
    except EvaluatorError as error:
        raise ForbiddenError(str(error)) from error


def rules(settings: Settings) -> Rules:
    """What people may do whom a proxy names."""
    return Rules(settings.proxy_groups, settings.proxy_role)


def names_somebody(settings: Settings, headers: Mapping[str, str]) -> bool:
    """Whether a proxy named somebody when a page's WebSocket was opened."""
    return "proxy" in settings.auth and bool(headers.get(settings.proxy_header))


def person_of_page(workspace: Workspace, headers: Mapping[str, str]) -> Person | None:
    """Whom a proxy named when a page's WebSocket was opened; None if nobody, or their account is closed since.

    Args:
        headers: of the handshake, which went through the guard; found by any way of writing their names.
    """
    name = headers.get(workspace.settings.proxy_header)
    if name is None or not names_somebody(workspace.settings, headers):
        return None
    account = known_by(workspace, ISSUER, _text(name.encode("latin-1", "replace")))
    return None if account is None else person_of(account, Way.PROXY)


def _is_among(settings: Settings, peer: str | None) -> bool:
    try:
        address = ip_address((peer or "").partition("%")[0])
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return any(address in network for network in settings.trusted_proxies)


def _text(value: bytes) -> str:
    """A header's value: UTF-8, or Latin-1 as the standard once said."""
    try:
        return value.decode("utf-8").strip()
    except UnicodeDecodeError:
        return value.decode("latin-1").strip()
