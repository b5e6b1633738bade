"""The headers by which browsers keep to this server: one place that sets them for every answer (ADR 0041)."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evaluator.host_names import LOOPBACK

POLICY = "Content-Security-Policy"
FRAMES = "frame-ancestors 'self'"
"""No other site may show our pages in a frame, where it could redirect clicks."""
INLINE_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)

PAGES = (
    "default-src 'none'; script-src 'self' {scripts} blob:; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data:; media-src 'self'; connect-src 'self'; base-uri 'none'; "
    f"form-action 'self'; {FRAMES}"
)
"""Streamlit's pages, measured in Chromium: its own page has one script inline, whose hash is given; it styles by
inserted rules, draws the logo and a font of its tables from the page itself, and imports a component's script from a
blob, which only a script of ours can make. No page needs `unsafe-eval`, a frame or a worker."""
ANSWERS = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""Answers of the API, which a browser may show: JSON, text and figures. None of them runs a script."""

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    # With `no-referrer`, browsers do not say that a form is this server's: its Origin is null.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), display-capture=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
TRANSPORT = ("Strict-Transport-Security", "max-age=31536000")
"""Whoever reached this name by TLS once does not go back to http for a year."""


class BrowserHeaders:
    """Sets on every answer what its route has not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._pages = PAGES.format(scripts=" ".join(_hashes_of_scripts()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on."""

        async def wrapped(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(MutableHeaders(scope=message), scope)
            await send(message)

        await self._app(scope, receive, wrapped if scope["type"] == "http" else send)

    def _complete(self, headers: MutableHeaders, scope: Scope) -> None:
        policy = headers.get(POLICY)
        if policy is None:
            headers[POLICY] = ANSWERS if is_api(scope) else self._pages
        elif "frame-ancestors" not in policy:
            headers[POLICY] = f"{policy}; {FRAMES}"
        for name, value in ALWAYS.items():
            headers.setdefault(name, value)
        if scope["scheme"] == "https" and _name(Headers(scope=scope).get("host", "")) not in LOOPBACK:
            headers.setdefault(*TRANSPORT)


def is_api(scope: Scope) -> bool:
    """Whether a request asks the API."""
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path == "/api" or path.startswith("/api/")


def _name(host: str) -> str:
    """A Host header's name, without its port."""
    return host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]


def _hashes_of_scripts() -> list[str]:
    """What allows the scripts that Streamlit's page has inline, and no others."""
    package = find_spec("streamlit")
    assert package is not None and package.origin is not None  # noqa: S101  it serves this
    page = Path(package.origin).with_name("static") / "index.html"
    scripts = INLINE_SCRIPT.findall(page.read_text(encoding="utf-8"))
    return [f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts]
