"""What the pages to sign in share: forms, where to go next, and answers that begin or end a session."""

from __future__ import annotations

from html import escape
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from evaluator.api.handling import in_time
from evaluator.api.people.page import page
from evaluator.errors import TooLargeError
from evaluator.host_names import LOOPBACK
from evaluator.people.sessions import COOKIE
from evaluator.workspace.workspace import serving

MOST_BYTES = 10_000
"""Bytes of a form."""
LONGEST_NEXT = 1500
"""Characters; it has to fit into a cookie."""
START = "/"

R = TypeVar("R", bound=Response)


class Answered:
    """Answers that begin or end a session."""

    @staticmethod
    def signed_in(secret: str, next_: str) -> Response:
        """Lead somebody who signed in to an address of this server."""
        settings = serving().settings
        answer = RedirectResponse(settings.at(next_), 303)
        most = settings.session_hours * 3600
        answer.set_cookie(COOKIE, secret, max_age=most, path="/", secure=True, httponly=True, samesite="lax")
        return answer

    @staticmethod
    def signed_out(answer: R) -> R:
        """The same answer, with which the browser forgets its session."""
        answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
        return answer


def problem_page(title: str, message: str, status: int) -> Response:
    """A page that says what went wrong, with the way back to the login."""
    back = escape(serving().settings.at("/login"))
    return page(title, f'<p role="alert">{escape(message)}.</p><p><a href="{back}">Sign in</a></p>', status)


def is_secure(request: Request) -> bool:
    """Whether the browser keeps our cookies: over https, or on loopback."""
    return request.url.scheme != "http" or (request.url.hostname or "") in LOOPBACK


async def form_of(request: Request) -> dict[str, str]:
    """The fields of a form.

    Raises:
        TooLargeError, TooSlowError: it is none of ours.
    """
    body = bytearray()
    async with in_time():
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise TooLargeError(f"the form is larger than {MOST_BYTES:,} bytes")
    fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    return {name: values[0] for name, values in fields.items()}


def next_of(address: str | None) -> str:
    """Where to go after signing in: only to an address of this server, without its prefix."""
    if (
        address is None
        or not address.startswith("/")
        or not address.isprintable()
        or len(address) > LONGEST_NEXT
    ):
        return START
    try:
        path = unquote(urlsplit(address).path)
    except ValueError:
        return START
    is_elsewhere = (
        address.startswith(("//", "/\\")) or "\\" in path or "//" in path or ".." in path.split("/")
    )
    return START if is_elsewhere else address
