"""Settings of accounts: how people sign in, and for how long."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from evaluator.errors import InvalidInputError
from evaluator.settings.kinds import RoleName
from evaluator.settings.providers import GroupRole, OidcProvider

AuthWay = Literal["password", "oidc", "proxy"]
"""Ways of signing in."""

HEADER = re.compile(r"(?=.{1,100}$)[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)+")
"""A header's name of several words; names of one, such as Cookie, mean something else. Underscores are refused: many
servers take them for hyphens, so a client could send another one."""
PATH_PREFIX = re.compile(r"(/[A-Za-z0-9._~-]*[A-Za-z0-9_~-])*")
SHORTEST_SECRET, LONGEST_SECRET = 16, 1000
"""Characters."""
EXAMPLE_PROVIDERS = (
    '[{"name": "company", "label": "Company", "issuer": "https://id.example.org", "client_id": "evaluator", '
    '"client_secret": "COMPANY_CLIENT_SECRET"}]'
)


def _ways(given: object) -> object:
    """`none`, or names with commas between them."""
    if not isinstance(given, str):
        return given
    return [way for part in given.split(",") if (way := part.strip().lower()) and way != "none"]


def _header(name: str | None) -> str | None:
    if name is not None and not HEADER.fullmatch(name):
        raise ValueError(
            "it is the name of a header, of words with hyphens between them, such as X-Forwarded-User"
        )
    return name


def _prefix(prefix: str | None) -> str | None:
    prefix = (prefix or "").rstrip("/")
    if not PATH_PREFIX.fullmatch(prefix):
        raise ValueError("it is a path such as /evaluator, without a query")
    return prefix or None


def _long_enough(secret: SecretStr | None) -> SecretStr | None:
    if secret is not None and not SHORTEST_SECRET <= len(secret.get_secret_value()) <= LONGEST_SECRET:
        raise ValueError(
            f"it needs {SHORTEST_SECRET} to {LONGEST_SECRET:,} characters, or somebody guesses it"
        )
    return secret


Header = Annotated[str, AfterValidator(_header)]


class PeopleSettings(BaseModel):
    """How people sign in, and for how long."""

    auth: Annotated[tuple[AuthWay, ...], NoDecode, BeforeValidator(_ways)] = Field(
        (),
        description="How people sign in: `none` (nobody has to, and whoever reaches the server may do everything), or "
        "one or more of `password`, `oidc` and `proxy`, with commas between them. Default: none.",
    )
    open_to_all: bool = Field(
        False,
        description="Whether the server may listen beyond loopback although nobody has to sign in "
        "(`EVALUATOR_AUTH=none`).",
    )
    session_hours: int = Field(
        24 * 14, ge=1, le=24 * 365, description="Hours after which people sign in again."
    )
    session_idle_hours: int = Field(
        24, ge=1, le=24 * 365, description="Hours without use after which people sign in again."
    )
    oidc_providers: tuple[OidcProvider, ...] = Field(
        (),
        description="OpenID Connect providers (a JSON list) by which people sign in; their client secrets are in "
        "variables that they name ([hosting](hosting.md#openid-connect)).",
    )
    proxy_header: Header = Field(
        "X-Forwarded-User",
        description="Header by which a trusted proxy names whoever sends a request (`EVALUATOR_AUTH=proxy`).",
    )
    proxy_groups_header: Header | None = Field(
        None, description="Header by which it names their groups, with commas between them."
    )
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (),
        description="Addresses and networks (a JSON list) of proxies whose headers are believed; the same headers of "
        "others are removed.",
    )
    proxy_secret: Annotated[SecretStr | None, AfterValidator(_long_enough)] = Field(
        None,
        description="Secret that such a proxy sends as `X-Evaluator-Proxy-Secret`, instead of a trusted address or "
        "beside it.",
    )
    proxy_groups: tuple[GroupRole, ...] = Field(
        (),
        description="What groups may do that a proxy names (a JSON list of group, project and role, or admin).",
    )
    proxy_role: RoleName | None = Field(
        None,
        description="Role of people whom a proxy names and whose groups have none. Default: they are refused unless "
        "they were invited.",
    )
    path_prefix: Annotated[str | None, AfterValidator(_prefix)] = Field(
        None, description="Path below which a proxy shows this server, such as `/evaluator`."
    )

    def require_whole_auth(self) -> None:
        """Check that each way of signing in has what it needs.

        Raises:
            InvalidInputError: something is missing; says what to set.
        """
        if "oidc" in self.auth and not self.oidc_providers:
            raise InvalidInputError(
                "EVALUATOR_AUTH has oidc, and EVALUATOR_OIDC_PROVIDERS names no provider; set it, such as "
                f"EVALUATOR_OIDC_PROVIDERS='{EXAMPLE_PROVIDERS}'"
            )
        for each in ("name", "issuer"):
            names = [getattr(provider, each) for provider in self.oidc_providers]
            if len(set(names)) < len(names):
                raise InvalidInputError(
                    f"two providers of EVALUATOR_OIDC_PROVIDERS have one {each}; each has its own"
                )
        if "proxy" in self.auth and not self.trusted_proxies and self.proxy_secret is None:
            raise InvalidInputError(
                "EVALUATOR_AUTH has proxy, and nothing says which proxy is believed, so anybody could send its header: "
                "set EVALUATOR_TRUSTED_PROXIES='[\"10.0.0.5\"]' or EVALUATOR_PROXY_SECRET"
            )

    def at(self, path: str) -> str:
        """A path of this server as browsers see it: below the prefix."""
        return (self.path_prefix or "") + path
