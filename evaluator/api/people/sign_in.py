"""The pages to sign in and out, and to use a one-time link. They need no script, and work without a session."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from evaluator.api.handling import in_time
from evaluator.api.people.guard import session_of
from evaluator.api.people.page import alert, page
from evaluator.domain.access import Way
from evaluator.errors import EvaluatorError, InvalidInputError, TooLargeError, TooManyError
from evaluator.host_names import LOOPBACK
from evaluator.people import accounts, sessions
from evaluator.people.passwords import SHORTEST
from evaluator.people.sessions import COOKIE
from evaluator.workspace.workspace import serving

MOST_BYTES = 10_000
"""Bytes of a form."""
START = "/"


def sign_in_routes() -> list[Route]:
    """The routes `/login`, `/logout` and `/join/{secret}`."""
    return [
        Route("/login", _ask),
        Route("/login", _sign_in, methods=["POST"]),
        Route("/logout", _ask_to_sign_out),
        Route("/logout", _sign_out, methods=["POST"]),
        Route("/join/{secret}", _ask_for_password),
        Route("/join/{secret}", _join, methods=["POST"]),
    ]


async def _ask(request: Request) -> Response:
    problem = None
    if request.url.scheme == "http" and (request.url.hostname or "") not in LOOPBACK:
        problem = "browsers keep nobody signed in over http; open this page by https"
    return _login(_next(request.query_params.get("next")), problem)


async def _sign_in(request: Request) -> Response:
    form: dict[str, str] = {}
    try:
        form = await _form(request)
        secret = await run_in_threadpool(
            sessions.sign_in,
            serving(),
            form.get("name", ""),
            form.get("password", ""),
            request.headers.get("user-agent", ""),
        )
    except EvaluatorError as error:
        status = 429 if isinstance(error, TooManyError) else 401
        return _login(_next(form.get("next")), str(error), status)
    return _signed_in(secret, _next(form.get("next")))


def _login(next_: str, problem: str | None = None, status: int = 200) -> Response:
    content = f"""{alert(problem)}<form method="post" action="/login">
<input type="hidden" name="next" value="{escape(next_)}">
<label for="name">Name</label><input id="name" name="name" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button></form>"""
    return page("Sign in", content, status)


def _signed_in(secret: str, next_: str) -> Response:
    answer = RedirectResponse(next_, 303)
    most = serving().settings.session_hours * 3600
    answer.set_cookie(COOKIE, secret, max_age=most, path="/", secure=True, httponly=True, samesite="lax")
    return answer


async def _ask_to_sign_out(_request: Request) -> Response:
    return page("Sign out", '<form method="post" action="/logout"><button autofocus>Sign out</button></form>')


async def _sign_out(request: Request) -> Response:
    if (secret := session_of(request.headers)) is not None:
        await run_in_threadpool(sessions.sign_out, serving(), secret)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    return answer


async def _ask_for_password(request: Request) -> Response:
    invitation = await run_in_threadpool(accounts.invited, serving(), request.path_params["secret"])
    if invitation is None:
        return page(
            "This link does not work", "<p>It was used already, or has expired. Ask for another one.</p>", 404
        )
    return _password(invitation.name)


def _password(name: str, problem: str | None = None, status: int = 200) -> Response:
    content = f"""{alert(problem)}<p>Welcome, {escape(name)}. Choose a password of at least {SHORTEST} characters; you
sign in with this name and it.</p><form method="post">
<input type="hidden" name="name" autocomplete="username" value="{escape(name)}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required autofocus>
<label for="again">Once more</label>
<input id="again" name="again" type="password" autocomplete="new-password" required>
<button>Continue</button></form>"""
    return page("Choose a password", content, status)


async def _join(request: Request) -> Response:
    secret, workspace = request.path_params["secret"], serving()
    form: dict[str, str] = {}
    try:
        form = await _form(request)
        invitation = await run_in_threadpool(accounts.invited, workspace, secret)
        if invitation is None:
            return await _ask_for_password(request)
        if form.get("password") != form.get("again"):
            raise InvalidInputError("the two passwords differ; type the same one twice")
        account = await run_in_threadpool(accounts.accept, workspace, secret, form.get("password", ""))
    except InvalidInputError as error:
        return _password(form.get("name", ""), str(error), 422)
    agent = request.headers.get("user-agent", "")
    return _signed_in(await run_in_threadpool(sessions.begin, workspace, account, Way.PASSWORD, agent), START)


async def _form(request: Request) -> dict[str, str]:
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


def _next(address: str | None) -> str:
    """Where to go after signing in: only to an address of this server."""
    is_ours = address is not None and address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_ours and address is not None and address.isprintable() else START
