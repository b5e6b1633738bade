"""Routes of signing in by OpenID Connect: beginning it, and coming back from the provider."""

from __future__ import annotations

import asyncio
import contextvars
import hmac
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from html import escape
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evaluator.api.handling import STATUSES
from evaluator.api.people.forms import START, Answered, form_of, next_of, problem_page
from evaluator.api.people.guard import is_forged, session_of
from evaluator.api.people.page import leads_on, page
from evaluator.domain.access import Person, Way
from evaluator.domain.records import Account
from evaluator.errors import (
    EvaluatorError,
    ForbiddenError,
    InvalidInputError,
    SignedOutError,
    UnknownNameError,
)
from evaluator.people import accounts, external, sessions
from evaluator.people.external import Vouched
from evaluator.people.oidc import flow
from evaluator.people.oidc.flow import COOKIE, SECONDS, Flow
from evaluator.people.secrets import digest
from evaluator.settings.providers import OidcProvider
from evaluator.workspace.acting import acting
from evaluator.workspace.workspace import serving

P = ParamSpec("P")
T = TypeVar("T")

ANY = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")

_waiting_for_providers = ThreadPoolExecutor(8, thread_name_prefix="provider")
"""Nobody waits for a provider in the threads that all requests share (ADR 0025)."""


def routes() -> list[Route]:
    """The routes below `/login`."""
    return [
        Route("/login/link", _ask_to_link),
        Route("/login/oidc/{name}", _begin, methods=["POST"]),
        Route("/login/oidc/{name}/callback", _finish),
        Route(
            "/login/oidc/{rest:path}", _nothing, methods=ANY
        ),  # or it would be a page, which has no session here
    ]


def providers() -> tuple[OidcProvider, ...]:
    """The providers by which people may sign in."""
    settings = serving().settings
    return settings.oidc_providers if "oidc" in settings.auth else ()


def buttons(label: str, **hidden: str) -> str:
    """A form with a button for each provider, as HTML; nothing if there is none.

    Args:
        label: what stands before the provider's on a button.
        hidden: fields of the form.
    """
    fields = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in hidden.items()
    )
    return "".join(
        f'<form method="post" class="other" action="{escape(serving().settings.at(f"/login/oidc/{each.name}"))}">'
        f"{fields}<button>{escape(label)} {escape(each.label)}</button></form>"
        for each in providers()
    )


async def sign_out_there(request: Request, person: Person) -> tuple[str, str] | None:
    """The label and address of the provider's page to sign out there; None if that is not wanted."""
    workspace = serving()
    own = await run_in_threadpool(external.identities_of, workspace, person.account or "")
    by_issuer = {each.issuer: each for each in providers()}
    provider = next((by_issuer[each.issuer] for each in own if each.issuer in by_issuer), None)
    if provider is None:
        return None
    address = await _elsewhere(flow.sign_out_address, provider, _here(request, "/login"))
    return None if address is None else (provider.label, address)


async def _ask_to_link(_request: Request) -> Response:
    """The page on which somebody who is signed in links a provider to their account."""
    person = acting()
    if person.account is None or person.way is Way.TOKEN or not providers():
        return problem_page("Nothing to link", "only somebody who signed in can link a provider", 404)
    content = (
        f"<p>From then on, whoever is signed in there as you signs in here as {escape(person.name)}.</p>"
        f'{buttons("Link", purpose="link")}<p><a href="{escape(serving().settings.at("/account"))}">Back</a></p>'
    )
    return page("Link a way to sign in", content)


async def _nothing(_request: Request) -> Response:
    return problem_page("Nothing is here", "begin to sign in on the page that the server shows", 404)


async def _begin(request: Request) -> Response:
    try:
        provider = _provider(request)
        if is_forged(request.headers):
            raise ForbiddenError(
                "this request does not come from a page of this server; begin on its own page"
            )
        form = await form_of(request)
        session = ""
        if form.get("purpose") == "link":
            secret = session_of(request.headers)
            if (
                secret is None
                or await run_in_threadpool(sessions.person_of_session, serving(), secret) is None
            ):
                raise SignedOutError("you are signed out; sign in, and link it then")
            session = digest(secret)
        redirect = _here(request, f"/login/oidc/{provider.name}/callback")
        next_ = next_of(form.get("next")) if not session else "/account"
        link = form.get("link", "")[:200]
        address, cookie = await _elsewhere(flow.begin, provider, redirect, next_, session=session, link=link)
    except EvaluatorError as error:
        return _problem(error)
    answer = leads_on(provider.label, address)
    answer.set_cookie(COOKIE, cookie, max_age=SECONDS, path="/", secure=True, httponly=True, samesite="lax")
    return answer


async def _finish(request: Request) -> Response:
    try:
        answer = await _finished(request)
    except EvaluatorError as error:
        answer = _problem(error)
    answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")
    answer.headers["Referrer-Policy"] = "no-referrer"  # the address has the code
    return answer


async def _finished(request: Request) -> Response:
    provider = _provider(request)
    given = dict(request.query_params)
    if len(given) != len(request.query_params.multi_items()):
        raise InvalidInputError(flow.AGAIN)
    begun = flow.resumed(request.cookies.get(COOKIE), provider, given)
    try:
        vouched = await _elsewhere(flow.finish, serving(), provider, begun, given)
        session = session_of(request.headers)
        account = await run_in_threadpool(_account, provider, begun, vouched, session)
    except EvaluatorError as error:
        await run_in_threadpool(flow.note_failure, serving(), provider, error)
        raise
    if session is not None:
        await run_in_threadpool(sessions.replace, serving(), session)
    agent = request.headers.get("user-agent", "")
    secret = await run_in_threadpool(sessions.begin, serving(), account, Way.OIDC, agent)
    return Answered.signed_in(secret, begun.next or START)


def _account(provider: OidcProvider, begun: Flow, vouched: Vouched, session: str | None) -> Account:
    """The account that a finished flow is for."""
    workspace, rules = serving(), flow.rules(provider)
    if begun.link:
        return external.joined(workspace, vouched, rules, begun.link)
    if not begun.session:
        return external.recognised(workspace, vouched, rules)
    person = sessions.person_of_session(workspace, session) if session else None
    account = accounts.by_id(workspace, person.account) if person and person.account else None
    if session is None or account is None or not hmac.compare_digest(digest(session), begun.session):
        raise SignedOutError("you signed out meanwhile, so nothing was linked; sign in, and link it then")
    return external.linked(workspace, vouched, account)


def _provider(request: Request) -> OidcProvider:
    name = request.path_params["name"]
    found = next((each for each in providers() if each.name == name), None)
    if found is None:
        raise UnknownNameError("this server knows no such provider")
    return found


def _here(request: Request, path: str) -> str:
    """An address of this server as the browser writes it; its host is one of `EVALUATOR_ALLOWED_HOSTS`."""
    return f"{request.url.scheme}://{request.url.netloc}{serving().settings.at(path)}"


def _problem(error: EvaluatorError) -> Response:
    status = next(status for kind, status in STATUSES if isinstance(error, kind))
    return problem_page("You are not signed in", str(error).rstrip("."), 400 if status == 422 else status)


async def _elsewhere(call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """What a call returns that may wait for a provider."""
    context = contextvars.copy_context()
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_waiting_for_providers, lambda: context.run(call, *args, **options))
