"""OpenID Connect providers, and what groups of people may do."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from evaluator.settings.kinds import RoleName
from evaluator.urls import VARIABLE

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
"""A provider's name: a part of addresses."""


class GroupRole(BaseModel):
    """What the members of a group may do: a role in a project, or to administer the instance."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str = Field(min_length=1, max_length=300)
    project: str = Field("main", min_length=1, max_length=200)
    role: RoleName | None = None
    admin: bool = False

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.admin == (self.role is not None):
            raise ValueError("a group has either a role, or admin: true")
        return self


class OidcProvider(BaseModel):
    """A provider, and what it is asked for.

    Attributes:
        name: a part of its addresses here, and so of the redirect URI that it is told.
        label: what people call it.
        issuer: as its discovery document and its tokens name it, exactly.
        client_secret: the environment variable that holds it; None for a public client.
        name_claim: names new accounts.
        groups: what groups may do; they are applied at each sign-in.
        default_role: of people whose groups have none; None refuses them unless they were invited.
        sign_out: whether signing out here leads to the provider's page to sign out there.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    label: str = Field(min_length=1, max_length=80)
    issuer: str
    client_id: str = Field(min_length=1, max_length=500)
    client_secret: str | None = None
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    name_claim: str = "preferred_username"
    groups_claim: str = "groups"
    groups: tuple[GroupRole, ...] = ()
    default_role: RoleName | None = None
    sign_out: bool = False

    @field_validator("name")
    @classmethod
    def _part_of_addresses(cls, name: str) -> str:
        if not NAME.fullmatch(name):
            raise ValueError("it has small letters, digits and hyphens, at most 40")
        return name

    @field_validator("issuer")
    @classmethod
    def _safe(cls, issuer: str) -> str:
        parts = urlsplit(issuer)
        if not is_safe(issuer) or parts.query or parts.fragment:
            raise ValueError(
                "it is an address with https, such as https://id.example.org; http only on loopback"
            )
        return issuer

    @field_validator("client_secret")
    @classmethod
    def _variable(cls, secret: str | None) -> str | None:
        if secret is not None and not VARIABLE.fullmatch(secret):
            raise ValueError(
                "it is the name of an environment variable in capitals, such as COMPANY_CLIENT_SECRET, and never the "
                "secret"
            )
        return secret

    @field_validator("scopes")
    @classmethod
    def _openid(cls, scopes: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in scopes:
            raise ValueError("openid is one of them")
        return scopes


def is_safe(url: str) -> bool:
    """Whether nobody on the way can read or change what is sent to an address: https, or http on loopback."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError:
        return False
    if (
        not host
        or parts.username is not None
        or parts.password is not None
        or not url.isprintable()
        or " " in url
    ):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's loopback."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
