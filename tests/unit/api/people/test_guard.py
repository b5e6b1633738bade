"""Nobody gets in who is not known: every route, page and WebSocket of an instance with accounts."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from evaluator.api.handling import ApiRoute
from evaluator.api.origins import guards
from evaluator.api.people.chosen_project import ChosenProject
from evaluator.api.people.guard import Guard
from evaluator.api.people.sign_in import sign_in_routes
from evaluator.api.routes import routes
from evaluator.domain.access import COMMAND, MAIN, NOBODY, Action, Role, Way
from evaluator.people import accounts, sessions, tokens
from evaluator.people.command_key import make_command_key
from evaluator.people.sessions import COOKIE
from evaluator.workspace.acting import acting, acting_as, otherwise
from evaluator.workspace.workspace import Workspace, serve
from tests.unit.people.conftest import PASSWORD, _quick_hashes, shared
from tests.unit.people.test_accounts import PHRASE, joined

__all__ = ["_quick_hashes", "shared"]

HOST = "http://127.0.0.1:8501"
STREAM = "ws://127.0.0.1:8501/_stcore/stream"
JSON = {"content-type": "application/json"}
SECRETS = ("tiny", "ann", "lists of routes")


async def page(_request: object) -> PlainTextResponse:
    return PlainTextResponse(f"a page for {acting().name}")


async def stream(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text(f"a stream for {acting().name}")


@pytest.fixture
def app(shared: Workspace) -> Iterator[Starlette]:
    """All routes behind the guard, with a page and a WebSocket in the place of Streamlit's."""
    pages = [Route("/{path:path}", page), WebSocketRoute("/_stcore/stream", stream)]
    middleware = [
        *guards(shared.settings),
        Middleware(Guard, settings=shared.settings),
        Middleware(ChosenProject),
    ]
    with serve(shared), otherwise(lambda: NOBODY), acting_as(COMMAND):
        yield Starlette(routes=[*routes(), *sign_in_routes(), *pages], middleware=middleware)


@pytest.fixture
def client(app: Starlette) -> TestClient:
    return TestClient(app, HOST, follow_redirects=False)


def cookie(secret: str) -> dict[str, str]:
    return {"cookie": f"{COOKIE}={secret}"}


def signed_in(shared: Workspace, name: str, password: str = PHRASE) -> dict[str, str]:
    return cookie(sessions.sign_in(shared, name, password, ""))


def refused_ones(shared: Workspace) -> dict[str, dict[str, str]]:
    """Headers of whoever must not get in, by why not."""
    ended = sessions.sign_in(shared, "ann", PASSWORD, "")
    sessions.sign_out(shared, ended)
    with acting_as(joined(shared, "bob")):
        revoked = tokens.create(shared, "revoked")
        tokens.revoke(shared, revoked.id)
        closed = tokens.create(shared, "of a closed account")
    accounts.disable(shared, "bob")
    return {
        "nobody": {},
        "an ended session": cookie(ended),
        "a made-up session": cookie("a" * 43),
        "a broken cookie": {"cookie": f'{COOKIE}="; {COOKIE}'},
        "a revoked token": {"authorization": f"Bearer {revoked.secret}"},
        "a closed account's token": {"authorization": f"Bearer {closed.secret}"},
        "a made-up token": {"authorization": "Bearer ev_made_up"},
        "another scheme": {"authorization": "Basic YW5uOmFubg=="},
        "a header of some proxy": {"x-forwarded-user": "ann", "remote-user": "ann"},
    }


def addresses() -> list[tuple[str, str]]:
    """Every route's method and an address of it."""
    known = [route for route in routes() if isinstance(route, ApiRoute)]
    replaced = {"{name:path}": "x", "projects/{name}": "projects/main", "{": "", "}": ""}
    return [
        (route.method, reduce(lambda path, change: path.replace(*change), replaced.items(), route.path))
        for route in known
    ]


def test_no_route_answers_whoever_is_not_known(client: TestClient, shared: Workspace) -> None:
    told = {}
    for why, headers in refused_ones(shared).items():
        for method, path in [
            *addresses(),
            ("GET", "/queue/"),
            ("GET", "/media/x.png"),
            ("PUT", "/_stcore/upload_file/a/b"),
        ]:
            answer = client.request(method, path, headers={**headers, **JSON})
            if path != "/api/health/live":
                told[why, method, path] = (answer.status_code, answer.text)
    assert {*told.values()} == {(401, '{"error":"sign in, or send a token: Authorization: Bearer ev_..."}')}


def test_pages_lead_to_the_login_and_back(client: TestClient) -> None:
    answer = client.get("/compare?experiment=a&b=1", headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["location"]) == (
        303,
        "/login?next=%2Fcompare%3Fexperiment%3Da%26b%3D1",
    )
    form = client.get(answer.headers["location"])
    assert 'value="/compare?experiment=a&amp;b=1"' in form.text
    answer = client.post(
        "/login", data={"name": "ann", "password": PASSWORD, "next": "/compare?experiment=a&b=1"}
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/compare?experiment=a&b=1")
    kept = answer.headers["set-cookie"]
    assert kept.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(kept.split("; "))


@pytest.mark.parametrize(
    "next_", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "", "/a\nb"]
)
def test_nobody_is_led_elsewhere(client: TestClient, next_: str) -> None:
    answer = client.post("/login", data={"name": "ann", "password": PASSWORD, "next": next_})
    assert answer.headers["location"] == "/"


def test_over_http_the_page_says_that_nobody_stays_signed_in(app: Starlette) -> None:
    there = TestClient(app, "http://evaluator.example.org")
    assert "open this page by https" in there.get("/login").text
    assert (
        "open this page by https" not in TestClient(app, "https://evaluator.example.org").get("/login").text
    )


@pytest.mark.parametrize(
    "path", ["/login/x", "/login/_stcore/stream", "/join/", "/join/a/b", "/api/health/live/x"]
)
def test_nothing_below_the_open_pages_is_open(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 401
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"ws://127.0.0.1:8501{path}"):
        pass


def test_a_wrong_password_is_said_without_more(client: TestClient) -> None:
    answers = [client.post("/login", data={"name": name, "password": "wrong"}) for name in ("ann", "nobody")]
    assert [answer.status_code for answer in answers] == [401, 401]
    assert answers[0].text == answers[1].text
    assert "the name or the password is wrong" in answers[0].text
    assert "set-cookie" not in answers[0].headers


def test_a_form_that_is_too_long_is_refused(client: TestClient) -> None:
    answer = client.post("/login", data={"name": "ann", "password": "x" * 20_000})
    assert (answer.status_code, "larger than 10,000 bytes" in answer.text) == (401, True)


def test_text_of_strangers_is_text(client: TestClient, shared: Workspace) -> None:
    link = accounts.invite(shared, "<b>bob</b>", None)
    shown = client.get(f"/join/{link.secret}")
    assert "<b>" not in shown.text
    assert "script-src" not in shown.headers["content-security-policy"]
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")


def test_websockets_are_for_people_who_signed_in(client: TestClient, shared: Workspace) -> None:
    for headers in refused_ones(shared).values():
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(STREAM, headers=headers):
            pass
    with client.websocket_connect(STREAM, headers=signed_in(shared, "ann", PASSWORD)) as socket:
        assert socket.receive_text() == "a stream for ann"


def test_somebody_joins_in_the_browser(client: TestClient, shared: Workspace) -> None:
    link = f"/join/{accounts.invite(shared, 'bob', Role.VIEWER).secret}"
    assert "Welcome, bob" in client.get(link).text
    differ = client.post(link, data={"password": PHRASE, "again": "another"})
    assert (differ.status_code, "the two passwords differ" in differ.text) == (422, True)
    answer = client.post(link, data={"password": PHRASE, "again": PHRASE})
    secret = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert client.get("/", headers=cookie(secret)).text == "a page for bob"
    assert client.get(link).status_code == 404
    assert "does not work" in client.post(link, data={"password": PHRASE, "again": PHRASE}).text


def test_signing_out_takes_a_click_and_ends_the_session(client: TestClient, shared: Workspace) -> None:
    headers = signed_in(shared, "ann", PASSWORD)
    assert client.get("/logout", headers=headers).status_code == 200
    assert client.get("/", headers=headers).text == "a page for ann"
    assert client.post("/logout", headers=headers).headers["location"] == "/login"
    assert client.get("/", headers=headers).status_code == 401


def test_without_a_role_one_may_only_ask_who_one_is(client: TestClient, shared: Workspace) -> None:
    joined(shared, "bob", None)
    headers = signed_in(shared, "bob")
    refused = client.get("/", headers={**headers, "accept": "text/html"})
    assert (refused.status_code, "bob has no role" in refused.text) == (403, True)
    assert client.get("/api/datasets", headers=headers).status_code == 403
    assert client.get("/api/whoami", headers=headers).json()["role"] is None


def test_a_page_of_another_site_changes_nothing(client: TestClient, shared: Workspace) -> None:
    headers = {**signed_in(shared, "ann", PASSWORD), **JSON}
    for more in ({}, {"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "same-site"}):
        assert client.post("/api/tokens", headers={**headers, **more}, json={"name": "x"}).status_code == 403
    for more in ({"origin": HOST}, {"sec-fetch-site": "same-origin"}):
        assert client.post("/api/tokens", headers={**headers, **more}, json={"name": "x"}).status_code == 200


def test_commands_on_this_machine_show_the_key_of_the_home_folder(
    client: TestClient, shared: Workspace
) -> None:
    make_command_key(shared.settings)
    path = shared.settings.home_path / "command.key"
    assert path.stat().st_mode & 0o077 == 0
    headers = {"authorization": f"Bearer {path.read_text()}"}
    assert client.get("/api/whoami", headers=headers).json()["way"] == "command"
    make_command_key(shared.settings)
    assert client.get("/api/whoami", headers=headers).status_code == 401


NEEDED: dict[tuple[str, str], Action] = {
    ("POST", "/api/datasets"): Action.EDIT,
    ("PATCH", "/api/datasets/name"): Action.EDIT,
    ("DELETE", "/api/datasets/name"): Action.EDIT,
    ("POST", "/api/datasets/name/queries"): Action.EDIT,
    ("POST", "/api/datasets/name/judgments"): Action.EDIT,
    ("POST", "/api/experiments"): Action.RUN,
    ("DELETE", "/api/experiments/id"): Action.RUN,
    ("POST", "/api/experiments/id/cancel"): Action.RUN,
    ("POST", "/api/experiments/id/resume"): Action.RUN,
    ("POST", "/api/demo"): Action.EDIT,
    ("GET", "/api/uploads"): Action.EDIT,
    ("POST", "/api/uploads"): Action.EDIT,
    ("POST", "/api/uploads/fetch"): Action.EDIT,
    ("PUT", "/api/uploads/id/files/x"): Action.EDIT,
    ("POST", "/api/uploads/id/recognise"): Action.EDIT,
    ("POST", "/api/uploads/id/check"): Action.EDIT,
    ("POST", "/api/uploads/id/store"): Action.EDIT,
    ("GET", "/api/uploads/id"): Action.EDIT,
    ("DELETE", "/api/uploads/id"): Action.EDIT,
    ("POST", "/api/vectors/prune"): Action.OPERATE,
    ("DELETE", "/api/dead-letters"): Action.OPERATE,
    ("GET", "/api/dead-letters"): Action.OPERATE,
    ("GET", "/api/vectors"): Action.OPERATE,
    ("GET", "/api/accounts"): Action.GRANT,
    ("POST", "/api/accounts"): Action.GRANT,
    ("PATCH", "/api/accounts/name"): Action.GRANT,
    ("POST", "/api/accounts/name/reset"): Action.MANAGE,
    ("POST", "/api/projects"): Action.MANAGE,
    ("DELETE", "/api/projects/main"): Action.MANAGE,
    ("PATCH", "/api/projects/main"): Action.MANAGE,
    ("POST", "/api/experiments/id/comments"): Action.COMMENT,
    ("PATCH", "/api/comments/number"): Action.COMMENT,
    ("DELETE", "/api/comments/number"): Action.COMMENT,
    ("POST", "/api/experiments/id/decisions"): Action.DECIDE,
    ("GET", "/api/backup"): Action.OPERATE,
    ("GET", "/api/audit"): Action.AUDIT,
    ("GET", "/api/share-links"): Action.SHARE,
    ("PATCH", "/api/share-links"): Action.GRANT,
    ("GET", "/api/invitations"): Action.GRANT,
    ("DELETE", "/api/invitations/invitation"): Action.GRANT,
    ("DELETE", "/api/share-links/link"): Action.SHARE,
    ("POST", "/api/experiments/id/share-links"): Action.SHARE,
}
"""What each route takes; all others that read take a role that may see."""
OWN = {
    ("GET", "/api/tokens"),
    ("POST", "/api/tokens"),
    ("DELETE", "/api/tokens/id"),
    ("POST", "/api/experiments/plan"),
    ("POST", "/api/notifications/read"),
    ("PUT", "/api/notifications/settings"),
    ("POST", "/api/notifications/test"),
}
"""What everybody may do who may see."""

DEMO = ("POST", "/api/demo")
BODIES = {
    ("POST", "/api/datasets"): {"name": "x", "fingerprint": "0" * 32, "source": "x"},
    ("PATCH", "/api/datasets/name"): {"description": "x"},
    ("POST", "/api/datasets/name/queries"): {"queries": [{"text": "x"}]},
    ("POST", "/api/datasets/name/judgments"): {"judgments": [{"query_id": "q1", "doc_id": "d1", "grade": 1}]},
    ("POST", "/api/experiments"): {
        "yaml": "name: x\ndataset: tiny\nvariants: [{name: b, retrieve: {bm25: {}}}]"
    },
    ("POST", "/api/uploads/fetch"): {"reference": "hf:a/b"},
    ("POST", "/api/uploads/id/check"): {"reading": None},
    ("POST", "/api/uploads/id/store"): {"name": "x"},
    ("POST", "/api/accounts"): {"name": "carl"},
    ("PATCH", "/api/accounts/name"): {"role": "viewer"},
    ("POST", "/api/tokens"): {"name": "x"},
    ("POST", "/api/projects"): {"name": "web"},
    ("PATCH", "/api/share-links"): {"allowed": True},
    ("PATCH", "/api/projects/main"): {"running": 2},
    ("POST", "/api/experiments/id/comments"): {"text": "x"},
    ("PATCH", "/api/comments/number"): {"text": "x"},
    ("POST", "/api/experiments/id/decisions"): {"variant": "x", "reason": "x"},
}


@pytest.mark.parametrize("way", ["session", "token"])
@pytest.mark.parametrize("role", Role)
def test_every_route_asks_for_the_role_that_its_action_takes(
    client: TestClient, shared: Workspace, role: Role, way: str
) -> None:
    person = joined(shared, "bob", role)
    headers = {**JSON, "origin": HOST, "x-evaluator-upload": "1"}
    with acting_as(person):
        token = tokens.create(shared, "CI").secret
    headers |= signed_in(shared, "bob") if way == "session" else {"authorization": f"Bearer {token}"}
    wrong = {}
    for key in addresses():
        action = NEEDED.get(key, Action.SEE)
        if key == DEMO and person.may(action, MAIN):  # which takes long
            continue
        assert key[0] == "GET" or key in NEEDED or key in OWN, f"{key} changes something: say what it takes"
        status = client.request(*key, headers=headers, json=BODIES.get(key, {})).status_code
        if (status == 403) == person.may(action, MAIN) and not (
            way == "token" and key[1].startswith("/api/tokens")
        ):
            wrong[key] = status
    assert wrong == {}
    assert person.way is Way.PASSWORD
