"""The pages to sign in and out, and to use a one-time link. They need no script, and work without a session."""

from __future__ import annotations

from html import escape

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from evaluator.api.people import oidc
from evaluator.api.people.forms import START, Answered, form_of, is_secure, next_of, problem_page
from evaluator.api.people.guard import session_of
from evaluator.api.people.page import alert, leads_on, page
from evaluator.domain.access import Way
from evaluator.errors import EvaluatorError, ForbiddenError, InvalidInputError, TooManyError
from evaluator.people import accounts, external, proxied, sessions
from evaluator.people.external import Vouched
from evaluator.people.passwords import SHORTEST
from evaluator.workspace.workspace import serving


def sign_in_routes() -> list[Route]:
    """The routes `/login`, `/logout` and `/join/{secret}`, and those of OpenID Connect."""
    return [
        Route("/login", _ask),
        Route("/login", _sign_in, methods=["POST"]),
        *oidc.routes(),
        Route("/logout", _ask_to_sign_out),
        Route("/logout", _sign_out, methods=["POST"]),
        Route("/join/{secret}", _ask_to_join),
        Route("/join/{secret}", _join, methods=["POST"]),
    ]


async def _ask(request: Request) -> Response:
    problem = (
        None if is_secure(request) else "browsers keep nobody signed in over http; open this page by https"
    )
    return _login(next_of(request.query_params.get("next")), problem)


async def _sign_in(request: Request) -> Response:
    form: dict[str, str] = {}
    try:
        form = await form_of(request)
        _require("password")
        secret = await run_in_threadpool(
            sessions.sign_in,
            serving(),
            form.get("name", ""),
            form.get("password", ""),
            request.headers.get("user-agent", ""),
        )
    except EvaluatorError as error:
        status = 429 if isinstance(error, TooManyError) else 401
        return _login(next_of(form.get("next")), str(error), status)
    return Answered.signed_in(secret, next_of(form.get("next")))


def _login(next_: str, problem: str | None = None, status: int = 200) -> Response:
    settings = serving().settings
    password = f"""<form method="post" action="{escape(settings.at("/login"))}">
<input type="hidden" name="next" value="{escape(next_)}">
<label for="name">Name</label><input id="name" name="name" autocomplete="username" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button></form>"""
    ways = [password] if "password" in settings.auth else []
    if others := oidc.buttons("Sign in with", next=next_):
        ways.append(others)
    if not ways:
        ways.append("<p>Open this server by its proxy, which signs people in.</p>")
    return page("Sign in", alert(problem) + "<hr>".join(ways), status)


async def _ask_to_sign_out(_request: Request) -> Response:
    action = escape(serving().settings.at("/logout"))
    return page(
        "Sign out", f'<form method="post" action="{action}"><button autofocus>Sign out</button></form>'
    )


async def _sign_out(request: Request) -> Response:
    onward = None
    if (secret := session_of(request.headers)) is not None:
        person = await run_in_threadpool(sessions.sign_out, serving(), secret)
        if person is not None and person.way is Way.OIDC:
            onward = await oidc.sign_out_there(request, person)
    back = serving().settings.at("/login")
    answer = RedirectResponse(back, 303) if onward is None else leads_on(*onward)
    return Answered.signed_out(answer)


async def _ask_to_join(request: Request) -> Response:
    secret = request.path_params["secret"]
    invitation = await run_in_threadpool(accounts.invited, serving(), secret)
    if invitation is None:
        return problem_page(
            "This link does not work", "it was used already, or has expired. Ask for another one", 404
        )
    return _join_page(secret, invitation.name, proxied.vouched_in(serving().settings, request.headers.raw))


def _join_page(
    secret: str, name: str, vouched: Vouched | None, problem: str | None = None, status: int = 200
) -> Response:
    settings = serving().settings
    password = f"""<p>Choose a password of at least {SHORTEST} characters; you
sign in with this name and it.</p><form method="post">
<input type="hidden" name="name" autocomplete="username" value="{escape(name)}">
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="new-password" required autofocus>
<label for="again">Once more</label>
<input id="again" name="again" type="password" autocomplete="new-password" required>
<button>Continue</button></form>"""
    ways = [password] if "password" in settings.auth else []
    if others := oidc.buttons("Continue with", link=secret):
        ways.append(others)
    if vouched is not None:
        ways.append(
            '<form method="post" class="other"><input type="hidden" name="proxy" value="1">'
            f"<button>Continue as {escape(vouched.subject)}</button></form>"
        )
    elif not ways:
        ways.append("<p>Open this link by the proxy, which signs people in.</p>")
    title = "Choose a password" if ways == [password] else "Join"
    return page(title, f"{alert(problem)}<p>Welcome, {escape(name)}.</p>" + "<hr>".join(ways), status)


async def _join(request: Request) -> Response:
    secret, workspace = request.path_params["secret"], serving()
    name, vouched = "", None
    try:
        form = await form_of(request)
        vouched = proxied.vouched_in(workspace.settings, request.headers.raw)
        invitation = await run_in_threadpool(accounts.invited, workspace, secret)
        if invitation is None:
            return await _ask_to_join(request)
        name = invitation.name
        if form.get("proxy") and vouched is not None:
            rules = proxied.rules(workspace.settings)
            await run_in_threadpool(external.joined, workspace, vouched, rules, secret)
            return RedirectResponse(workspace.settings.at(START), 303)
        _require("password")
        if form.get("password") != form.get("again"):
            raise InvalidInputError("the two passwords differ; type the same one twice")
        account = await run_in_threadpool(accounts.accept, workspace, secret, form.get("password", ""))
    except (InvalidInputError, ForbiddenError) as error:
        return _join_page(secret, name, vouched, str(error), 422)
    agent = request.headers.get("user-agent", "")
    return Answered.signed_in(
        await run_in_threadpool(sessions.begin, workspace, account, Way.PASSWORD, agent), START
    )


def _require(way: str) -> None:
    if way not in serving().settings.auth:
        raise ForbiddenError("nobody signs in with a password here; choose another way")
