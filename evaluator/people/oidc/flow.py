"""One sign-in by OpenID Connect, from the button to somebody whom the provider vouches for.

What has to be remembered until the provider sends the browser back is in a cookie that this process signs: nobody can
fill a store by beginning to sign in. The secrets of a flow (state, nonce, PKCE's verifier) are not in it: they are
computed from its number and a key that never leaves this process.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from itsdangerous import BadSignature, URLSafeTimedSerializer

from evaluator.domain.access import NOBODY, Way
from evaluator.errors import EvaluatorError, InvalidInputError, ProviderError
from evaluator.people.external import Rules, Vouched
from evaluator.people.log import note_of
from evaluator.people.oidc.asking import ask
from evaluator.people.oidc.id_token import claims_of
from evaluator.people.oidc.provider import metadata
from evaluator.people.secrets import digest
from evaluator.settings.providers import OidcProvider
from evaluator.urls import keep_secret
from evaluator.workspace.acting import address
from evaluator.workspace.workspace import Workspace

COOKIE = "__Host-evaluator-flow"
SECONDS = 600
"""How long somebody may take to sign in at the provider."""
AGAIN = "this sign-in is not valid, was used already, or took too long; begin again"
CANCELLED = frozenset({"access_denied", "interaction_required", "login_required", "consent_required"})
"""Errors that mean that somebody did not sign in, rather than that something is wrong."""
NOTED_EVERY = 60
"""Seconds."""
LONGEST_CODE = 8000
MOST_GROUPS = 1000

_key = secrets.token_bytes(32)
_signed = URLSafeTimedSerializer(_key, salt="oidc-flow", signer_kwargs={"digest_method": hashlib.sha256})


class Flow(NamedTuple):
    """A sign-in that has begun.

    Attributes:
        number: random, and this flow's alone.
        provider: its name.
        redirect: the address here to which the provider sends the browser back.
        next: where the browser goes in the end, an address of this server.
        session: the digest of the session whose account is to be linked; empty for none.
        link: the secret of the one-time link that is to be used; empty for none.
    """

    number: str
    provider: str
    redirect: str
    next: str
    session: str = ""
    link: str = ""


def begin(
    provider: OidcProvider, redirect: str, next_: str, *, session: str = "", link: str = ""
) -> tuple[str, str]:
    """Begin a sign-in; returns the provider's address to go to, and the value of this flow's cookie.

    Raises:
        ProviderError: the provider does not answer.
    """
    said = metadata(provider)
    flow = Flow(secrets.token_urlsafe(16), provider.name, redirect, next_, session, link)
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": redirect,
        "scope": " ".join(provider.scopes),
        "state": _secret_of(flow, "state"),
        "nonce": _secret_of(flow, "nonce"),
        "code_challenge": create_s256_code_challenge(_secret_of(flow, "verifier")),
        "code_challenge_method": "S256",
    }
    separator = "&" if urlsplit(said.authorization).query else "?"
    return f"{said.authorization}{separator}{urlencode(asked)}", str(_signed.dumps(list(flow)))


def resumed(cookie: str | None, provider: OidcProvider, given: Mapping[str, str]) -> Flow:
    """The flow that a browser comes back with.

    Args:
        cookie: of the browser.
        provider: whose address it came back to.
        given: the query parameters that the provider sends.

    Raises:
        InvalidInputError: it is none that began in this browser, or began too long ago or with another provider; or
            somebody did not sign in.
    """
    if given.get("error") in CANCELLED:  # some providers do not say then which flow it was
        raise InvalidInputError(f"you did not sign in at {provider.label}; nothing has changed")
    try:
        flow = Flow(*_signed.loads(cookie or "", max_age=SECONDS))
    except (BadSignature, TypeError) as error:
        raise InvalidInputError(AGAIN) from error
    state = given.get("state", "").encode("utf-8", "replace")
    if flow.provider != provider.name or not hmac.compare_digest(state, _secret_of(flow, "state").encode()):
        raise InvalidInputError(AGAIN)
    return flow


def finish(workspace: Workspace, provider: OidcProvider, flow: Flow, given: Mapping[str, str]) -> Vouched:
    """Whom the provider vouches for at the end of a flow.

    Args:
        given: the query parameters that the provider sent.

    Raises:
        InvalidInputError: this flow was finished before.
        ProviderError: the provider does not answer, or not as it should.
    """
    said = metadata(provider)
    issuer = given.get("iss")
    if (issuer is not None or said.says_issuer) and issuer != provider.issuer:
        raise ProviderError(
            f"the answer is not that of {provider.label}, where this sign-in began; begin again"
        )
    if "error" in given:
        raise ProviderError(f"{provider.label} refuses to sign anybody in here; ask who runs this server")
    code = given.get("code", "")
    used = f"evaluator:flow:{digest(flow.number)}"
    if not 1 <= len(code) <= LONGEST_CODE or not workspace.connection.set(used, 1, nx=True, ex=SECONDS):
        raise InvalidInputError(AGAIN)
    tokens = _exchanged(provider, flow, code)
    access_token = tokens.get("access_token")
    if not isinstance(access_token, str):
        raise ProviderError(f"{provider.label} gave no access token")
    claims = claims_of(
        provider, tokens.get("id_token"), nonce=_secret_of(flow, "nonce"), access_token=access_token
    )
    if said.userinfo is not None:
        claims |= _userinfo(provider, said.userinfo, access_token, claims["sub"])
    return _vouched(provider, claims)


def note_failure(workspace: Workspace, provider: OidcProvider, error: EvaluatorError) -> None:
    """Note that somebody did not get in; the same from one address once a minute, as anybody can begin to sign in."""
    key = f"evaluator:failed:{digest(f'{address()} {provider.name} {error}')}"
    if workspace.connection.set(key, 1, nx=True, ex=NOTED_EVERY):
        subject = f"{provider.label}: {error}"
        note_of(workspace, NOBODY.name, None, Way.OIDC, "failed to sign in", subject)


def rules(provider: OidcProvider) -> Rules:
    """What the people of a provider may do."""
    return Rules(provider.groups, provider.default_role)


def sign_out_address(provider: OidcProvider, back: str) -> str | None:
    """The provider's page to sign out there, too (RP-initiated logout); None if it has none or is not to be used.

    Args:
        back: the address here to which it may lead.
    """
    if not provider.sign_out:
        return None
    try:
        there = metadata(provider).end_session
    except ProviderError:
        return None  # signed out here, in any case
    if there is None:
        return None
    asked = urlencode({"client_id": provider.client_id, "post_logout_redirect_uri": back})
    return f"{there}{'&' if urlsplit(there).query else '?'}{asked}"


def _exchanged(provider: OidcProvider, flow: Flow, code: str) -> dict[str, Any]:
    """The tokens that a code is worth."""
    said = metadata(provider)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": flow.redirect,
        "code_verifier": _secret_of(flow, "verifier"),
        "client_id": provider.client_id,
    }
    headers = {}
    if (secret := _client_secret(provider)) is not None:
        if said.posts_secret:
            form["client_secret"] = secret
        else:  # RFC 6749, 2.3.1: both are quoted first
            pair = f"{quote_plus(provider.client_id)}:{quote_plus(secret)}"
            headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
            del form["client_id"]
    answer = ask(provider.label, "POST", said.token, data=form, headers=headers)
    if answer.status != 200:
        raise ProviderError(
            f"{provider.label} did not accept this sign-in; begin again. If it happens again, ask who runs this "
            "server: the client's secret may be wrong"
        )
    return answer.content


def _userinfo(provider: OidcProvider, url: str, access_token: str, subject: str) -> dict[str, Any]:
    """What the userinfo endpoint adds; a conformant provider gives names and e-mail addresses only there."""
    answer = ask(provider.label, "GET", url, headers={"authorization": f"Bearer {access_token}"})
    if answer.status != 200 or answer.content.get("sub") != subject:
        raise ProviderError(f"{provider.label} does not say the same of you twice, so nobody was signed in")
    about = {"name", "preferred_username", "nickname", "email", provider.name_claim, provider.groups_claim}
    return {name: value for name, value in answer.content.items() if name in about and name != "sub"}


def _vouched(provider: OidcProvider, claims: Mapping[str, Any]) -> Vouched:
    names = [claims.get(name) for name in (provider.name_claim, "preferred_username", "email", "name")]
    given = claims.get(provider.groups_claim)
    groups = [given] if isinstance(given, str) else given if isinstance(given, list) else []
    return Vouched(
        provider.issuer,
        claims["sub"],
        [name for name in names if isinstance(name, str)],
        frozenset(group for group in groups[:MOST_GROUPS] if isinstance(group, str)),
        Way.OIDC,
        provider.label,
    )


def _client_secret(provider: OidcProvider) -> str | None:
    if provider.client_secret is None:
        return None
    secret = os.environ.get(provider.client_secret)
    if not secret:
        raise ProviderError(f"the variable {provider.client_secret} is not set; ask who runs this server")
    keep_secret(secret)
    return secret


def _secret_of(flow: Flow, purpose: str) -> str:
    """A secret of a flow: 256 bits in the characters that PKCE's verifier may have."""
    value = hmac.new(_key, f"{purpose} {flow.number}".encode(), hashlib.sha256).digest()
    return urlsafe_b64encode(value).rstrip(b"=").decode()
