"""Checking an ID token: who issued it, for whom, when, and for which sign-in (OpenID Connect Core 1.0, 3.1.3.7)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError

from evaluator.errors import ProviderError
from evaluator.people.oidc.provider import keys, metadata
from evaluator.settings.providers import OidcProvider

ALGORITHMS = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""Signatures by a private key. Neither `none`, nor those by a shared secret (HS256): whoever knows it could sign."""
LEEWAY = 60
"""Seconds that the clocks of a provider and of this server may differ."""
LONGEST = 64 << 10
LONGEST_SUBJECT = 255
"""Characters (Core 1.0, 2)."""


def claims_of(provider: OidcProvider, id_token: object, *, nonce: str, access_token: str) -> dict[str, Any]:
    """The claims of a token that is right in all respects.

    Raises:
        ProviderError: it is not; names the claim, and tells nothing else of the token.
    """
    if not isinstance(id_token, str) or len(id_token) > LONGEST:
        raise ProviderError(f"{provider.label} gave no ID token")
    header = _header(id_token)
    algorithms = ALGORITHMS & metadata(provider).algorithms
    if header.get("alg") not in algorithms:
        raise ProviderError(f"the ID token of {provider.label} is not signed as it has to be")
    try:
        token = jwt.decode(id_token, keys(provider, header.get("kid")), algorithms=sorted(algorithms))
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"essential": True, "value": provider.issuer},
                "aud": {"essential": True, "value": provider.client_id},
            },
            params={"nonce": nonce, "client_id": provider.client_id, "access_token": access_token},
        )
        claims.validate(leeway=LEEWAY)
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise ProviderError(f"the ID token of {provider.label} is not valid: {_why(error)}") from error
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_SUBJECT:
        raise ProviderError(f"the ID token of {provider.label} names nobody")
    return dict(claims)


def _header(token: str) -> Mapping[str, Any]:
    part = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return {}
    return header if isinstance(header, dict) else {}


def _why(error: Exception) -> str:
    """What is wrong, in words of ours; the clock is what a person can do something about."""
    claim = getattr(error, "claim", None)
    if getattr(error, "error", "") == "expired_token" or claim in {"iat", "nbf", "exp"}:
        return "it has expired, or is not valid yet. Are the clocks of both servers right?"
    return f"its {claim} is wrong" if isinstance(claim, str) else "its signature is wrong"
