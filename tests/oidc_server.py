"""An OpenID Connect provider that tests tell what to say, right or wrong. It signs with a key of its own."""

from __future__ import annotations

import hmac
import json
import threading
import time
from base64 import b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "evaluator", "a client's secret"
KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})
OTHER_KEY = RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})

Change = Callable[[dict[str, Any]], None]


def unchanged(_said: dict[str, Any]) -> None:
    """Nothing is wrong."""


@dataclass
class Says:
    """What the provider says, and what it was told.

    Attributes:
        person: claims of whoever signs in.
        only_userinfo: whether names, addresses and groups come from the userinfo endpoint alone.
        discovery, claims, tokens, userinfo: change an answer before it is sent.
        sign: makes the ID token.
        codes: by code: the query of the authorization request.
    """

    person: dict[str, Any] = field(default_factory=lambda: {"sub": "1", "preferred_username": "bob"})
    only_userinfo: bool = False
    discovery: Change = unchanged
    claims: Change = unchanged
    tokens: Change = unchanged
    userinfo: Change = unchanged
    sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(
        {"alg": "RS256", "kid": "first"}, claims, KEY
    )
    status: int = 200
    padding: int = 0
    waits: float = 0.0
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)


def unsigned(claims: dict[str, Any]) -> str:
    """A token with the algorithm `none`."""
    return _compact({"alg": "none"}, claims) + "."


def signed_by_secret(claims: dict[str, Any]) -> str:
    """A token signed with the client's secret."""
    return _signed_with(SECRET.encode(), claims)


def signed_by_public_key(claims: dict[str, Any]) -> str:
    """A token whose symmetric key is the provider's public key, which everybody has."""
    return _signed_with(KEY.as_pem(private=False), claims)


def _signed_with(secret: bytes, claims: dict[str, Any]) -> str:
    signed = _compact({"alg": "HS256", "kid": "first"}, claims)
    return f"{signed}.{_base64(hmac.new(secret, signed.encode(), sha256).digest())}"


def _compact(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def signed_by_somebody(claims: dict[str, Any]) -> str:
    """A token signed with another key that calls itself the same."""
    return jwt.encode({"alg": "RS256", "kid": "first"}, claims, OTHER_KEY)


class Provider(ThreadingHTTPServer):
    """Listens on loopback."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.says = Says()

    @property
    def issuer(self) -> str:
        """Its issuer."""
        return f"http://127.0.0.1:{self.server_port}"

    def consent(self, address: str) -> dict[str, str]:
        """What a browser brings back that was sent to an address of this provider."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        code = f"code-{len(self.says.codes)}"
        self.says.codes[code] = asked
        return {"code": code, "state": asked["state"], "iss": self.issuer}


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        provider = self._provider()
        issuer, says = provider.issuer, provider.says
        said: dict[str, Any] = {}
        if self.path == "/.well-known/openid-configuration":
            said = {
                "issuer": issuer,
                "authorization_endpoint": f"{issuer}/authorize",
                "token_endpoint": f"{issuer}/token",
                "jwks_uri": f"{issuer}/jwks",
                "userinfo_endpoint": f"{issuer}/userinfo",
                "end_session_endpoint": f"{issuer}/leave",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
                "authorization_response_iss_parameter_supported": True,
            }
            says.discovery(said)
        elif self.path == "/jwks":
            said = {"keys": [KEY.as_dict(private=False)]}
        elif self.path == "/userinfo":
            assert self.headers["authorization"] == "Bearer the access token"
            said = dict(says.person)
            says.userinfo(said)
        self._send(said)

    def do_POST(self) -> None:
        provider = self._provider()
        says = provider.says
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        form = {name: values[0] for name, values in parse_qs(body).items()}
        asked = says.codes.pop(form.get("code", ""), None)
        pair = b64decode(self.headers["authorization"].removeprefix("Basic ")).decode()
        assert pair == "evaluator:a+client%27s+secret"
        challenge = _base64(sha256(form["code_verifier"].encode()).digest())
        if (
            asked is None
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form["redirect_uri"]
        ):
            self._send({"error": "invalid_grant", "error_description": form.get("code")}, 400)
            return
        now = int(time.time())
        claims: dict[str, Any] = {"iss": provider.issuer, "aud": CLIENT, "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"], "sub": says.person["sub"]}
        claims |= {} if says.only_userinfo else says.person
        says.claims(claims)
        tokens = {"access_token": "the access token", "token_type": "Bearer", "id_token": says.sign(claims)}
        says.tokens(tokens)
        self._send(tokens)

    def _send(self, said: dict[str, Any], status: int | None = None) -> None:
        says = self._provider().says
        says.asked.append(self.path)
        time.sleep(says.waits)
        content = json.dumps({**said, "padding": "x" * says.padding}).encode()
        self.send_response(status or says.status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _provider(self) -> Provider:
        assert isinstance(self.server, Provider)
        return self.server

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def provider() -> Iterator[Provider]:
    """The provider while it runs."""
    with Provider() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
