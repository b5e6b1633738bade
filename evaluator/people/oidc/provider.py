"""What a provider says of itself: its discovery document and its keys, kept for a while."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from evaluator.errors import ProviderError
from evaluator.people.oidc.asking import ask
from evaluator.settings.providers import OidcProvider, is_safe

KEPT = 3600.0
"""Seconds that a discovery document and keys are kept."""
FAILED = 5.0
"""Seconds until a provider that did not answer is asked again."""
KEYS_AGAIN = 60.0
"""Seconds until keys are asked for again because one is missing."""
DISCOVERY = "/.well-known/openid-configuration"
KEY_TYPES = ("RSA", "EC", "OKP")
"""Types of public keys. A secret key (`oct`) would make the client's secret, or a public key, one that signs."""


class Metadata(NamedTuple):
    """What a provider's discovery document says; addresses are safe to send people and secrets to.

    Attributes:
        says_issuer: whether its answers name the issuer (RFC 9207).
        posts_secret: whether it takes the client's secret only in the form.
    """

    authorization: str
    token: str
    keys: str
    userinfo: str | None
    end_session: str | None
    algorithms: frozenset[str]
    says_issuer: bool
    posts_secret: bool


@dataclass
class _Kept:
    """What is known of a provider, and when it was asked for (monotonic seconds)."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    metadata: Metadata | None = None
    asked_at: float = -KEPT
    failure: ProviderError | None = None
    keys: KeySet | None = None
    keys_at: float = -KEPT


_kept: dict[OidcProvider, _Kept] = {}
_making = threading.Lock()


def metadata(provider: OidcProvider) -> Metadata:
    """What a provider says of itself.

    Raises:
        ProviderError: it does not answer, or says something that cannot be.
    """
    kept = _known(provider)
    with kept.lock:
        age = time.monotonic() - kept.asked_at
        if kept.metadata is not None and age < KEPT:
            return kept.metadata
        if kept.failure is not None and age < FAILED:
            raise ProviderError(str(kept.failure))
        try:
            kept.metadata, kept.failure = _discovered(provider), None
        except ProviderError as error:
            kept.metadata, kept.failure = None, error
            raise
        finally:
            kept.asked_at = time.monotonic()
        return kept.metadata


def keys(provider: OidcProvider, kid: object) -> KeySet:
    """A provider's public keys, asked for again if none has this id: providers change them.

    Raises:
        ProviderError: it does not answer, or has no key that can be used.
    """
    said = metadata(provider)
    kept = _known(provider)
    with kept.lock:
        age = time.monotonic() - kept.keys_at
        has_it = kept.keys is not None and (kid is None or any(key.kid == kid for key in kept.keys.keys))
        if kept.keys is None or age > KEPT or (not has_it and age > KEYS_AGAIN):
            kept.keys = _key_set(provider, ask(provider.label, "GET", said.keys).content)
            kept.keys_at = time.monotonic()
        return kept.keys


def forget() -> None:
    """Forget all providers, for tests."""
    with _making:
        _kept.clear()


def _known(provider: OidcProvider) -> _Kept:
    with _making:
        return _kept.setdefault(provider, _Kept())


def _discovered(provider: OidcProvider) -> Metadata:
    answer = ask(provider.label, "GET", provider.issuer.rstrip("/") + DISCOVERY)
    said = answer.content
    if answer.status != 200 or not said:
        raise ProviderError(
            f"{provider.label} has no discovery document at its issuer; ask who runs this server"
        )
    if said.get("issuer") != provider.issuer:
        raise ProviderError(f"{provider.label} says that it is another issuer; ask who runs this server")
    methods = said.get("token_endpoint_auth_methods_supported")
    takes = methods if isinstance(methods, list) else ["client_secret_basic"]
    algorithms = said.get("id_token_signing_alg_values_supported")
    return Metadata(
        _address(provider, said, "authorization_endpoint"),
        _address(provider, said, "token_endpoint"),
        _address(provider, said, "jwks_uri"),
        _address(provider, said, "userinfo_endpoint") if said.get("userinfo_endpoint") else None,
        _address(provider, said, "end_session_endpoint") if said.get("end_session_endpoint") else None,
        frozenset(map(str, algorithms)) if isinstance(algorithms, list) else frozenset({"RS256"}),
        said.get("authorization_response_iss_parameter_supported") is True,
        "client_secret_basic" not in takes and "client_secret_post" in takes,
    )


def _address(provider: OidcProvider, said: Mapping[str, Any], name: str) -> str:
    url = said.get(name)
    if not isinstance(url, str) or not is_safe(url):
        raise ProviderError(f"{provider.label} gives no safe address as its {name}; ask who runs this server")
    return url


def _key_set(provider: OidcProvider, said: Mapping[str, Any]) -> KeySet:
    """The public keys among those that a provider gives; those of unknown kinds are left out."""
    given, found = said.get("keys"), []
    for each in given if isinstance(given, list) else []:
        if isinstance(each, dict) and each.get("kty") in KEY_TYPES and each.get("use", "sig") == "sig":
            try:
                found.extend(KeySet.import_key_set({"keys": [each]}).keys)
            except (JoseError, ValueError, TypeError, KeyError):
                continue
    if not found:
        raise ProviderError(f"{provider.label} gives no key by which its answers can be checked")
    return KeySet(found)
