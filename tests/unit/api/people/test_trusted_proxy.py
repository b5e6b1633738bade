"""People whom a proxy names: whose header is believed, and what becomes of everybody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from evaluator.api.origins import guards
from evaluator.api.people.guard import Guard
from evaluator.api.people.peer import KnowsPeer
from evaluator.api.people.sign_in import sign_in_routes
from evaluator.api.routes import routes
from evaluator.domain.access import COMMAND, NOBODY, Role, Way
from evaluator.errors import InvalidInputError
from evaluator.people import accounts, log, proxied, sessions, tokens
from evaluator.people.sessions import COOKIE
from evaluator.settings import Settings
from evaluator.workspace.acting import acting_as, otherwise
from evaluator.workspace.workspace import Workspace, serve
from tests.unit.api.people.test_guard import page, stream
from tests.unit.people.conftest import PASSWORD, _quick_hashes
from tests.unit.people.test_accounts import PHRASE

__all__ = ["_quick_hashes"]

PROXY, STRANGER = "10.0.0.5", "10.9.9.9"
HOST = "https://evaluator.example.org"
STREAM = "wss://evaluator.example.org/_stcore/stream"
WORDS = "a proxy's secret of its own"
SECRET = {"x-evaluator-proxy-secret": WORDS}
BOB, READER = {"x-forwarded-user": "bob@example.org"}, {"x-groups": "other, readers"}
GROUPS = [{"group": "readers", "role": "viewer"}, {"group": "bosses", "admin": True}]

Reached = Callable[..., TestClient]


async def heard(request: Request) -> JSONResponse:
    """The headers that arrive behind the guard."""
    return JSONResponse(dict(request.headers))


@pytest.fixture
def workspace(home: Path, valkey: Settings) -> Iterator[Workspace]:
    Redis.from_url(valkey.queue_url).flushdb()
    settings = Settings(
        home=home,
        redis_url=valkey.queue_url,
        auth=("password", "proxy"),
        allowed_hosts=("evaluator.example.org",),
        trusted_proxies=["10.0.0.0/29", "fd00::/64"],
        proxy_groups_header="X-Groups",
        proxy_groups=GROUPS,
    )
    with Workspace.open(settings) as opened:
        accounts.add_admin(opened, "ann", PASSWORD)
        yield opened


@pytest.fixture
def reached(workspace: Workspace) -> Iterator[Reached]:
    """Clients at an address, with the settings changed."""
    with serve(workspace), otherwise(lambda: NOBODY), acting_as(COMMAND):

        def client(address: str, **changes: Any) -> TestClient:
            for name, value in changes.items():
                setattr(workspace.settings, name, value)
            middleware = [*guards(workspace.settings), Middleware(Guard, settings=workspace.settings)]
            pages = [
                Route("/heard", heard),
                Route("/{path:path}", page),
                WebSocketRoute("/_stcore/stream", stream),
            ]
            app = Starlette(routes=[*routes(), *sign_in_routes(), *pages], middleware=middleware)
            replaced: Any = ProxyHeadersMiddleware  # as uvicorn has it, between the two
            return TestClient(
                KnowsPeer(replaced(app, "*")), HOST, follow_redirects=False, client=(address, 50_000)
            )

        yield client


def secret(words: str) -> Any:
    return Settings(auth=("proxy",), proxy_secret=words).proxy_secret


def test_whoever_a_trusted_proxy_names_comes_in(reached: Reached, workspace: Workspace) -> None:
    client = reached(PROXY)
    answer = client.get("/api/whoami", headers=BOB | READER)
    assert answer.json() == {"name": "bob@example.org", "role": "viewer", "project": "main", "way": "proxy"}
    with client.websocket_connect(STREAM, headers=BOB | READER) as socket:
        assert socket.receive_text() == "a stream for bob@example.org"
    assert client.get("/api/whoami", headers=BOB | {"x-groups": "bosses"}).json()["role"] == "administrator"
    assert client.get("/api/whoami", headers=BOB).json()["role"] is None
    with acting_as(COMMAND):
        noted = [f"{each.action}, {each.way}, {each.address}" for each in log.entries(workspace)]
    assert noted[-2:] == ["joined, proxy, 10.0.0.5", "added an administrator, command, "]


@pytest.mark.parametrize("address", [STRANGER, "10.0.0.8", "127.0.0.1", "testclient", "fd01::1", ""])
@pytest.mark.parametrize(
    "forged",
    [
        BOB | READER,
        {"X-FORWARDED-USER": "ann"},
        BOB | {"x-forwarded-for": PROXY},
        BOB | {"x-forwarded-for": f"{PROXY}, {PROXY}", "x-real-ip": PROXY, "forwarded": f"for={PROXY}"},
        BOB | SECRET,
    ],
    ids=["names", "in capitals", "behind an address", "behind addresses", "with a secret"],
)
def test_nobody_else_is_believed(reached: Reached, address: str, forged: dict[str, str]) -> None:
    client = reached(address)
    assert client.get("/api/whoami", headers=forged).status_code == 401
    assert client.get("/", headers=forged | {"accept": "text/html"}).headers["location"].startswith("/login")
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM, headers=forged):
        pass


def test_what_others_say_is_removed(reached: Reached, workspace: Workspace) -> None:
    signed_in = {"cookie": f"{COOKIE}={sessions.sign_in(workspace, 'ann', PASSWORD, '')}"}
    given = BOB | READER | SECRET | signed_in
    arrived = reached(STRANGER).get("/heard", headers=given).json()
    assert not {"x-forwarded-user", "x-groups", *SECRET} & arrived.keys()
    arrived = reached(PROXY).get("/heard", headers=given).json()
    assert (arrived["x-forwarded-user"], SECRET.keys() & arrived.keys()) == ("bob@example.org", set())


@pytest.mark.parametrize("address", ["fd00::7", "::ffff:10.0.0.5", "10.0.0.1"])
def test_networks_and_both_families_can_be_trusted(reached: Reached, address: str) -> None:
    assert reached(address).get("/api/whoami", headers=BOB | READER).status_code == 200


def test_a_secret_will_do_instead_of_an_address(reached: Reached) -> None:
    client = reached(STRANGER, trusted_proxies=(), proxy_secret=secret(WORDS))
    assert client.get("/api/whoami", headers=BOB | READER | SECRET).status_code == 200
    for wrong in ({}, {"x-evaluator-proxy-secret": "x"}, {"x-evaluator-proxy-secret": f"{WORDS} "[:-2]}):
        assert client.get("/api/whoami", headers=BOB | READER | wrong).status_code == 401
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM, headers=BOB | wrong):
            pass
    twice = [*(BOB | READER | SECRET).items(), ("x-evaluator-proxy-secret", "x")]
    assert client.get("/api/whoami", headers=twice).status_code == 401


def test_where_both_are_set_both_count(reached: Reached) -> None:
    both = {"proxy_secret": secret(WORDS)}
    assert reached(PROXY, **both).get("/api/whoami", headers=BOB | READER | SECRET).status_code == 200
    assert reached(PROXY, **both).get("/api/whoami", headers=BOB | READER).status_code == 401
    assert reached(STRANGER, **both).get("/api/whoami", headers=BOB | READER | SECRET).status_code == 401


def test_without_its_way_the_header_says_nothing(reached: Reached) -> None:
    assert reached(PROXY, auth=("password",)).get("/api/whoami", headers=BOB | READER).status_code == 401


@pytest.mark.parametrize("name", ["", " ", "x" * 201, "a\x07b"])
def test_a_name_that_cannot_be_is_nobodys(reached: Reached, name: str) -> None:
    answer = reached(PROXY).get("/api/whoami", headers={"x-forwarded-user": name, **READER})
    assert answer.status_code in (401, 403)


def test_two_names_are_nobodys(reached: Reached) -> None:
    """A proxy that adds its header to what a client sent, instead of replacing it."""
    headers = [("x-forwarded-user", "ann"), ("x-forwarded-user", "bob"), *READER.items()]
    assert reached(PROXY).get("/api/whoami", headers=headers).status_code == 403


def test_names_of_every_script(reached: Reached) -> None:
    headers = {b"x-forwarded-user": "Zoë 李".encode(), b"x-groups": b"readers"}
    assert reached(PROXY).get("/api/whoami", headers=headers).json()["name"] == "Zoë 李"


def test_strangers_are_refused_and_noted_once(reached: Reached, workspace: Workspace) -> None:
    client = reached(PROXY)
    for _ in range(3):
        answer = client.get("/", headers=BOB | {"accept": "text/html"})
        assert (answer.status_code, "nothing says what you may do here" in answer.text) == (403, True)
    with acting_as(COMMAND):
        noted = [each.action for each in log.entries(workspace)]
    assert noted.count("was refused") == 1
    assert "editor" in reached(PROXY, proxy_role="editor").get("/api/whoami", headers=BOB).text


def test_an_account_of_that_name_is_not_theirs(reached: Reached, workspace: Workspace) -> None:
    answer = reached(PROXY).get("/api/whoami", headers={"x-forwarded-user": "Ann", **READER})
    assert (answer.status_code, "there is an account 'Ann' already" in answer.text) == (403, True)


def test_an_invitation_links_it(reached: Reached, workspace: Workspace) -> None:
    """How the first administrator comes in, if the proxy names no groups."""
    client = reached(PROXY, auth=("proxy",))
    link = f"/join/{accounts.reset(workspace, 'ann').secret}"
    shown = client.get(link, headers=BOB).text
    assert ("Continue as bob@example.org" in shown, 'type="password"' in shown) == (True, False)
    assert client.post(link, headers=BOB, data={"proxy": "1"}).status_code == 303
    assert client.get("/api/whoami", headers=BOB).json()["name"] == "ann"
    link = f"/join/{accounts.invite(workspace, 'carl', Role.EDITOR).secret}"
    refused = client.post(link, headers=BOB, data={"password": PHRASE, "again": PHRASE})
    assert (refused.status_code, "nobody signs in with a password here" in refused.text) == (422, True)
    assert reached(STRANGER).post(link, headers=BOB, data={"proxy": "1"}).status_code == 422
    assert client.post(link, headers={"x-forwarded-user": "c"}, data={"proxy": "1"}).status_code == 303
    assert client.get("/api/whoami", headers={"x-forwarded-user": "c"}).json()["role"] == "editor"


def test_a_closed_account_stays_closed(reached: Reached, workspace: Workspace) -> None:
    client = reached(PROXY)
    client.get("/api/whoami", headers=BOB | READER)
    accounts.disable(workspace, "bob@example.org")
    assert client.get("/api/whoami", headers=BOB | READER).status_code == 403
    assert proxied.person_of_page(workspace, {"X-Forwarded-User": "bob@example.org"}) is None


def test_a_page_of_another_site_changes_nothing(reached: Reached) -> None:
    """The proxy signs every request of the browser, whoever caused it, and may add a token of its own."""
    client = reached(PROXY)
    headers = BOB | {"x-groups": "bosses", "content-type": "application/json"}
    for more in ({}, {"authorization": "Basic Ym9iOg=="}, {"authorization": "Bearer e.y.J"}):
        for site in ({}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            answer = client.post("/api/tokens", headers=headers | more | site, json={"name": "x"})
            assert answer.status_code == 403
        answer = client.post("/api/tokens", headers=headers | more | {"origin": HOST}, json={"name": "x"})
        assert answer.status_code == 200


def test_a_token_of_ours_says_who_it_is(reached: Reached, workspace: Workspace) -> None:
    with acting_as(accounts.person_of(accounts.known(workspace, "ann"), Way.PASSWORD)):
        token = tokens.create(workspace, "CI", Role.VIEWER).secret
    client = reached(PROXY)
    headers = BOB | READER | {"authorization": f"Bearer {token}"}
    assert client.get("/api/whoami", headers=headers).json()["name"] == "ann"
    made_up = BOB | READER | {"authorization": "Bearer ev_made_up"}
    assert client.get("/api/whoami", headers=made_up).status_code == 401


def test_without_a_proxy_to_trust_nothing_starts() -> None:
    with pytest.raises(InvalidInputError, match="nothing says which proxy is believed"):
        _ = Settings(auth=("proxy",)).trusted_hosts
    with pytest.raises(InvalidInputError, match="names no provider"):
        _ = Settings(auth=("oidc",)).trusted_hosts
