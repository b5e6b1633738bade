"""Signing in by a provider, and each way to deceive the server about it."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from html import unescape
from typing import Any

import httpx
import pytest
from redis import Redis
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.testclient import TestClient

from evaluator.api.origins import guards
from evaluator.api.people.guard import Guard
from evaluator.api.people.sign_in import sign_in_routes
from evaluator.api.routes import routes
from evaluator.domain.access import COMMAND, NOBODY, Role, Way
from evaluator.people import accounts, external, log, projects, sessions
from evaluator.people.oidc import asking
from evaluator.people.oidc import provider as known
from evaluator.people.oidc.flow import COOKIE as FLOW
from evaluator.people.sessions import COOKIE
from evaluator.settings import Settings
from evaluator.workspace.acting import acting_as, otherwise
from evaluator.workspace.workspace import Workspace, serve
from tests import oidc_server
from tests.oidc_server import CLIENT, SECRET, Provider, Says
from tests.unit.api.people.test_guard import page
from tests.unit.people.conftest import PASSWORD, _quick_hashes
from tests.unit.people.test_accounts import PHRASE

__all__ = ["_quick_hashes"]

HOST = "https://evaluator.example.org"
FORM = {"origin": HOST}
GROUPS = [
    {"group": "readers", "role": "viewer"},
    {"group": "writers", "role": "editor"},
    {"group": "bosses", "admin": True},
    {"group": "others", "project": "elsewhere", "role": "judge"},
]


@pytest.fixture
def provider() -> Iterator[Provider]:
    known.forget()
    with oidc_server.provider() as running:
        yield running


@pytest.fixture
def other() -> Iterator[Provider]:
    with oidc_server.provider() as running:
        yield running


@pytest.fixture
def workspace(
    home: Any, valkey: Settings, provider: Provider, other: Provider, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Workspace]:
    """A workspace whose administrator is ann, and to which a company and its partner sign in."""
    monkeypatch.setenv("COMPANY_SECRET", SECRET)
    Redis.from_url(valkey.queue_url).flushdb()
    given = {"client_id": CLIENT, "client_secret": "COMPANY_SECRET"}
    company = {"name": "company", "label": "Company & Co", "issuer": provider.issuer, "groups": GROUPS}
    partner = {"name": "partner", "label": "Partner", "issuer": other.issuer, "default_role": "viewer"}
    settings = Settings(
        home=home,
        redis_url=valkey.queue_url,
        auth=("password", "oidc"),
        allowed_hosts=("evaluator.example.org",),
        oidc_providers=[company | given, partner | given],
    )
    with Workspace.open(settings) as opened:
        accounts.add_admin(opened, "ann", PASSWORD)
        yield opened


@pytest.fixture
def client(workspace: Workspace) -> Iterator[TestClient]:
    middleware = [*guards(workspace.settings), Middleware(Guard, settings=workspace.settings)]
    all_routes = [*routes(), *sign_in_routes(), Route("/{path:path}", page)]
    with serve(workspace), otherwise(lambda: NOBODY), acting_as(COMMAND):
        yield TestClient(Starlette(routes=all_routes, middleware=middleware), HOST, follow_redirects=False)


def begin(client: TestClient, name: str = "company", **form: str) -> str:
    """Press a provider's button; returns the address to which the page leads."""
    answer = client.post(f"/login/oidc/{name}", data=form, headers=FORM)
    assert answer.status_code == 200, answer.text
    found = re.search(r'content="0;url=([^"]+)"', answer.text)
    assert found is not None
    return unescape(found.group(1))


def come_back(client: TestClient, given: dict[str, str], name: str = "company") -> httpx.Response:
    """Return from the provider with what it sends."""
    answer: httpx.Response = client.get(f"/login/oidc/{name}/callback", params=given)
    return answer


def sign_in(client: TestClient, provider: Provider, name: str = "company", **form: str) -> httpx.Response:
    return come_back(client, provider.consent(begin(client, name, **form)), name)


def audited(workspace: Workspace) -> list[str]:
    with acting_as(COMMAND):
        return [f"{each.person} {each.action}: {each.subject}" for each in log.entries(workspace)]


def is_refused(client: TestClient, answer: httpx.Response, *words: str) -> bool:
    """Whether a page says why nobody is signed in, and gives no session."""
    said = unescape(answer.text)
    assert answer.status_code >= 400, said
    assert COOKIE + "=" not in answer.headers.get("set-cookie", "").replace(FLOW, "")
    assert client.get("/api/whoami").status_code == 401
    assert all(word in said for word in words), said
    assert not any(secret in said for secret in (SECRET, "the access token", "code-0", "eyJ"))
    return True


class TestSigningIn:
    def test_somebody_in_a_group_gets_an_account_with_its_role(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        projects.add(workspace, "elsewhere")
        provider.says.person |= {"groups": ["writers", "readers", "others"]}
        address = begin(client, next="/compare?a=1")
        asked = httpx.URL(address).params
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        assert asked["redirect_uri"] == f"{HOST}/login/oidc/company/callback"
        answer = come_back(client, provider.consent(address))
        assert (answer.status_code, answer.headers["location"]) == (303, "/compare?a=1")
        kept = answer.headers.get_list("set-cookie")
        assert all({"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(each.split("; ")) for each in kept)
        assert {each.partition("=")[0] for each in kept} == {COOKIE, FLOW}
        assert client.get("/api/whoami").json() == {
            "name": "bob", "role": "editor", "project": "main", "way": "oidc",
        }  # fmt: skip
        bob = accounts.known(workspace, "bob")
        assert (bob.password, bob.roles) == (None, {"main": Role.EDITOR, "elsewhere": Role.JUDGE})
        assert "bob joined: by Company & Co, as judge in elsewhere, editor in main" in audited(workspace)

    def test_names_and_groups_may_come_from_userinfo_alone(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        provider.says.only_userinfo = True
        provider.says.person = {"sub": "1", "email": "bob@example.org", "groups": ["readers"]}
        assert sign_in(client, provider).status_code == 303
        assert client.get("/api/whoami").json()["name"] == "bob@example.org"

    def test_groups_count_anew_at_each_sign_in(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        for groups, role in (
            (["writers"], "editor"),
            (["bosses"], "administrator"),
            (["readers"], "viewer"),
            ([], None),
        ):
            provider.says.person["groups"] = groups
            assert sign_in(client, provider).status_code == 303
            assert client.get("/api/whoami").json()["role"] == role
        assert len([each for each in accounts.members(workspace) if each.name == "bob"]) == 1
        noted = [each for each in audited(workspace) if "groups may" in each]
        assert noted == [
            "bob got what their groups may: by Company & Co: nobody yet",
            "bob got what their groups may: by Company & Co: viewer in main",
            "bob got what their groups may: by Company & Co: administrator",
        ]

    def test_what_people_gave_stays_when_groups_give_nothing(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        def role(*groups: str) -> str | None:
            provider.says.person["groups"] = groups
            assert sign_in(client, provider).status_code == 303
            told: str | None = client.get("/api/whoami").json()["role"]
            return told

        sign_in(client, provider, link=accounts.invite(workspace, "bob", Role.JUDGE).secret)
        assert (role(), role("readers"), role()) == ("judge", "judge", "judge")
        assert (role("writers"), role("readers"), role()) == ("editor", "viewer", None)
        accounts.grant(workspace, "bob", Role.ADMIN)
        assert (role("writers"), role()) == ("admin", "admin")
        accounts.set_admin(workspace, "bob", True)
        assert (role("bosses"), role()) == ("administrator", "administrator")
        accounts.set_admin(workspace, "bob", False)
        assert (role("bosses"), role()) == ("administrator", "admin")

    def test_it_is_the_subject_that_counts_and_no_name(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        provider.says.person = {"sub": "1", "preferred_username": "bob", "groups": ["readers"]}
        sign_in(client, provider)
        provider.says.person = {"sub": "1", "preferred_username": "robert", "groups": ["readers"]}
        sign_in(client, provider)
        assert client.get("/api/whoami").json()["name"] == "bob"

    def test_whoever_calls_themselves_like_somebody_else_is_refused(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        provider.says.person = {
            "sub": "2", "preferred_username": "ANN", "email": "ann", "email_verified": True, "groups": ["bosses"],
        }  # fmt: skip
        assert is_refused(client, sign_in(client, provider), "there is an account 'ANN' already")

    def test_strangers_are_refused(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        assert is_refused(client, sign_in(client, provider), "nothing says what you may do here")
        assert "bob" not in {each.name for each in accounts.members(workspace)}
        assert "bob was refused: by Company & Co: no role for their groups" in audited(workspace)

    def test_a_provider_may_have_a_role_for_everybody(self, client: TestClient, other: Provider) -> None:
        assert sign_in(client, other, "partner").status_code == 303
        assert client.get("/api/whoami").json()["role"] == "viewer"

    def test_a_closed_account_stays_closed(
        self, client: TestClient, other: Provider, workspace: Workspace
    ) -> None:
        sign_in(client, other, "partner")
        accounts.disable(workspace, "bob")
        assert client.get("/api/whoami").status_code == 401
        assert is_refused(client, sign_in(client, other, "partner"), "this account is closed")

    def test_an_invitation_is_used_without_a_password(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        secret = accounts.invite(workspace, "robert", Role.JUDGE).secret
        shown = client.get(f"/join/{secret}")
        assert ("Continue with Company &amp; Co" in shown.text, "Choose a password" in shown.text) == (
            True,
            True,
        )
        assert sign_in(client, provider, link=secret).status_code == 303
        assert client.get("/api/whoami").json()["name"] == "robert"
        assert client.get(f"/join/{secret}").status_code == 404
        provider.says.person["sub"] = "3"
        assert "was used already" in sign_in(client, provider, link=secret).text

    def test_a_link_to_a_new_password_links_an_account(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        assert sign_in(client, provider, link=accounts.reset(workspace, "ann").secret).status_code == 303
        assert client.get("/api/whoami").json()["name"] == "ann"

    def test_somebody_who_is_signed_in_links_a_provider(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        client.cookies.set(COOKIE, sessions.sign_in(workspace, "ann", PASSWORD, ""))
        assert "Link Company &amp; Co" in client.get("/login/link").text
        answer = sign_in(client, provider, purpose="link")
        assert (answer.status_code, answer.headers["location"]) == (303, "/account")
        client.cookies.clear()
        sign_in(client, provider)
        assert client.get("/api/whoami").json()["name"] == "ann"
        ann = accounts.known(workspace, "ann")
        with acting_as(accounts.person_of(ann, Way.OIDC)):
            external.unlink(workspace, provider.issuer, "1")
        assert external.identities_of(workspace, ann.id) == []

    def test_nothing_is_linked_to_whoever_came_in_between(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        client.cookies.set(COOKIE, sessions.sign_in(workspace, "ann", PASSWORD, ""))
        address = begin(client, purpose="link")
        accounts.accept(workspace, accounts.invite(workspace, "carl", Role.VIEWER).secret, PHRASE)
        client.cookies.set(COOKIE, sessions.sign_in(workspace, "carl", PHRASE, ""))
        answer = come_back(client, provider.consent(address))
        assert (answer.status_code, "nothing was linked" in answer.text) == (401, True)

    def test_signing_out_ends_our_session_and_leads_to_the_provider(
        self, client: TestClient, provider: Provider, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider.says.person["groups"] = ["readers"]
        sign_in(client, provider)
        assert client.post("/logout", headers=FORM).headers["location"] == "/login"
        assert client.get("/api/whoami").status_code == 401

        company = workspace.settings.oidc_providers[0].model_copy(update={"sign_out": True})
        monkeypatch.setattr(workspace.settings, "oidc_providers", (company,))
        sign_in(client, provider)
        answer = client.post("/logout", headers=FORM)
        assert f"{provider.issuer}/leave?client_id=evaluator" in answer.text
        assert client.get("/api/whoami").status_code == 401

    def test_a_session_that_somebody_planted_is_nobodys(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        provider.says.person["groups"] = ["readers"]
        client.cookies.set(COOKIE, "planted")
        answer = sign_in(client, provider)
        assert f"{COOKIE}=planted" not in answer.headers["set-cookie"]
        assert sessions.person_of_session(workspace, "planted") is None

    def test_failures_are_noted_once_a_minute(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        provider.says.claims = set_to(nonce="x")
        for _ in range(3):
            sign_in(client, provider)
        noted = [each for each in audited(workspace) if "failed" in each]
        assert noted == [
            "nobody failed to sign in: Company & Co: the ID token of Company & Co is not valid: its nonce is wrong"
        ]

    def test_an_earlier_session_of_the_same_browser_ends(
        self, client: TestClient, provider: Provider, workspace: Workspace
    ) -> None:
        provider.says.person["groups"] = ["readers"]
        before = sessions.sign_in(workspace, "ann", PASSWORD, "")
        client.cookies.set(COOKIE, before)
        sign_in(client, provider)
        assert sessions.person_of_session(workspace, before) is None

    def test_a_session_ends_when_its_way_is_switched_off(
        self, client: TestClient, provider: Provider, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        provider.says.person["groups"] = ["readers"]
        sign_in(client, provider)
        monkeypatch.setattr(workspace.settings, "auth", ("password",))
        assert client.get("/api/whoami").status_code == 401
        assert client.post("/login/oidc/company", headers=FORM).status_code == 404
        monkeypatch.setattr(workspace.settings, "auth", ("oidc",))
        answer = client.post("/login", data={"name": "ann", "password": PASSWORD}, headers=FORM)
        assert (answer.status_code, "nobody signs in with a password here" in answer.text) == (401, True)


def set_to(**claims: Any) -> Any:
    return lambda said: said.update(claims)


def without(claim: str) -> Any:
    return lambda said: said.pop(claim)


NOW = int(time.time())
WRONG_TOKENS: dict[str, tuple[dict[str, Any], str]] = {
    "unsigned": ({"sign": oidc_server.unsigned}, "not signed as it has to be"),
    "signed by the client's secret": ({"sign": oidc_server.signed_by_secret}, "not signed as it has to be"),
    "signed by the public key": ({"sign": oidc_server.signed_by_public_key}, "not signed as it has to be"),
    "signed by somebody else": ({"sign": oidc_server.signed_by_somebody}, "its signature is wrong"),
    "no token": ({"tokens": without("id_token")}, "gave no ID token"),
    "no access token": ({"tokens": without("access_token")}, "gave no access token"),
    "not a token": ({"tokens": set_to(id_token="a.b.c")}, "not signed as it has to be"),
    "another nonce": ({"claims": set_to(nonce="x")}, "its nonce is wrong"),
    "no nonce": ({"claims": without("nonce")}, "its nonce is wrong"),
    "another issuer": ({"claims": set_to(iss="https://evil.example")}, "its iss is wrong"),
    "another audience": ({"claims": set_to(aud="somebody else")}, "its aud is wrong"),
    "no audience": ({"claims": without("aud")}, "its aud is wrong"),
    "several audiences": ({"claims": set_to(aud=[CLIENT, "evil"])}, "its azp is wrong"),
    "for another party": ({"claims": set_to(azp="evil")}, "its azp is wrong"),
    "expired": ({"claims": set_to(exp=NOW - 3600)}, "Are the clocks of both servers right?"),
    "without an end": ({"claims": without("exp")}, "Are the clocks of both servers right?"),
    "from the future": (
        {"claims": set_to(iat=NOW + 7200, exp=NOW + 9000)},
        "Are the clocks of both servers right?",
    ),
    "not valid yet": ({"claims": set_to(nbf=NOW + 7200)}, "Are the clocks of both servers right?"),
    "nobody": ({"claims": set_to(sub="")}, "names nobody"),
    "a number": ({"claims": set_to(sub=7)}, "is not valid"),
    "another access token's": ({"claims": set_to(at_hash="AAAA")}, "its at_hash is wrong"),
    "somebody else at userinfo": ({"userinfo": set_to(sub="9")}, "does not say the same of you twice"),
    "nobody at userinfo": ({"userinfo": without("sub")}, "does not say the same of you twice"),
}


@pytest.mark.parametrize("wrong", WRONG_TOKENS)
def test_a_token_that_is_wrong_signs_nobody_in(client: TestClient, provider: Provider, wrong: str) -> None:
    provider.says.person["groups"] = ["bosses"]
    changes, message = WRONG_TOKENS[wrong]
    for name, change in changes.items():
        setattr(provider.says, name, change)
    assert is_refused(client, sign_in(client, provider), message)


def test_clocks_may_differ_by_a_minute(client: TestClient, provider: Provider) -> None:
    provider.says.person["groups"] = ["readers"]
    provider.says.claims = set_to(iat=int(time.time()) + 30, exp=int(time.time()) - 10)
    assert sign_in(client, provider).status_code == 303


class TestTheWayBack:
    """What somebody else could send to the address to which the provider sends browsers back."""

    def test_another_state(self, client: TestClient, provider: Provider) -> None:
        for change in (lambda _: "", lambda _: "é", lambda state: state + "x", lambda state: state[:-1]):
            given = provider.consent(begin(client))
            given["state"] = change(given["state"])
            assert is_refused(client, come_back(client, given), "begin again")
        assert provider.says.asked.count("/token") == 0

    def test_another_browser(self, client: TestClient, provider: Provider) -> None:
        """Somebody's own code, sent to somebody else, would sign them in as the sender."""
        given = provider.consent(begin(client))
        client.cookies.clear()
        assert is_refused(client, come_back(client, given), "begin again")
        assert provider.says.asked.count("/token") == 0

    def test_a_cookie_that_was_changed(self, client: TestClient, provider: Provider) -> None:
        given = provider.consent(begin(client))
        kept = client.cookies[FLOW]
        changed = kept[:-10] + ("A" if kept[-10] != "A" else "B") + kept[-9:]
        for cookie in (changed, "x" + kept, "", "a.b.c"):
            client.cookies.clear()
            client.cookies.set(FLOW, cookie)
            assert is_refused(client, come_back(client, given), "begin again")

    def test_again(self, client: TestClient, provider: Provider) -> None:
        provider.says.person["groups"] = ["readers"]
        given = provider.consent(begin(client))
        kept = client.cookies[FLOW]
        assert come_back(client, given).status_code == 303
        client.cookies.clear()
        client.cookies.set(FLOW, kept)
        provider.consent(
            f"{provider.issuer}?state={given['state']}"
        )  # even if the provider would take a code twice
        assert is_refused(client, come_back(client, given | {"code": "code-1"}), "was used already")
        assert provider.says.asked.count("/token") == 1

    def test_too_late(self, client: TestClient, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
        given = provider.consent(begin(client))
        later = time.time() + 700
        monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
        assert is_refused(client, come_back(client, given), "took too long")

    def test_at_another_provider(self, client: TestClient, provider: Provider, other: Provider) -> None:
        """The mix-up attack: a provider's code must not be given to another one."""
        given = provider.consent(begin(client))
        assert is_refused(client, come_back(client, given, "partner"), "begin again")
        for issuer in ({"iss": other.issuer}, {"iss": ""}, {}):
            given = provider.consent(begin(client))
            del given["iss"]
            assert is_refused(client, come_back(client, given | issuer), "is not that of Company & Co")
        assert (provider.says.asked + other.says.asked).count("/token") == 0

    def test_another_code(self, client: TestClient, provider: Provider) -> None:
        """A code of another sign-in, which somebody saw, is of no use without that one's secret."""
        theirs = provider.consent(begin(client))
        client.cookies.clear()
        given = provider.consent(begin(client))
        assert is_refused(
            client, come_back(client, given | {"code": theirs["code"]}), "did not accept this sign-in"
        )

    def test_two_of_a_kind(self, client: TestClient, provider: Provider) -> None:
        given = provider.consent(begin(client))
        query = "&".join(f"{name}={value}" for name, value in given.items())
        assert is_refused(client, client.get(f"/login/oidc/company/callback?{query}&code=x"), "begin again")

    def test_nobody_signed_in_there(self, client: TestClient, provider: Provider) -> None:
        given = provider.consent(begin(client)) | {"error": "access_denied", "error_description": "<b>x</b>"}
        del given["code"]
        answer = come_back(client, given)
        assert is_refused(client, answer, "you did not sign in at Company & Co")
        assert "<b>" not in answer.text

    def test_the_provider_refuses(self, client: TestClient, provider: Provider) -> None:
        given = provider.consent(begin(client)) | {"error": "invalid_scope"}
        assert is_refused(client, come_back(client, given), "refuses to sign anybody in here")


class TestBeginning:
    def test_takes_a_form_of_this_server(self, client: TestClient) -> None:
        for method, path in (
            ("GET", "company"),
            ("POST", "company/callback"),
            ("PUT", "company"),
            ("HEAD", "x"),
        ):
            assert client.request(method, f"/login/oidc/{path}").status_code == 404
        for headers in ({}, {"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}):
            assert client.post("/login/oidc/company", headers=headers).status_code == 403
        assert client.post("/login/oidc/nobody", headers=FORM).status_code == 404

    def test_linking_takes_a_session(self, client: TestClient) -> None:
        assert client.get("/login/link").status_code == 401
        answer = client.post("/login/oidc/company", data={"purpose": "link"}, headers=FORM)
        assert (answer.status_code, "you are signed out" in answer.text) == (401, True)

    @pytest.mark.parametrize(
        "next_",
        [
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "/a/..//evil.example",
            "x",
            "/%2F/evil",
        ],
    )
    def test_nobody_is_led_elsewhere(self, client: TestClient, provider: Provider, next_: str) -> None:
        provider.says.person["groups"] = ["readers"]
        assert sign_in(client, provider, next=next_).headers["location"] == "/"

    def test_the_page_has_a_button_for_each(self, client: TestClient) -> None:
        shown = client.get("/login?next=/compare").text
        assert shown.count("<button>Sign in") == 3
        assert "Sign in with Company &amp; Co" in shown
        assert shown.count('name="next" value="/compare"') == 3

    def test_no_secret_is_in_the_cookie_or_the_address(self, client: TestClient) -> None:
        address = begin(client)
        assert SECRET not in address and "verifier" not in address
        assert httpx.URL(address).params["state"] not in client.cookies[FLOW]


class TestProviders:
    def failed(self, client: TestClient) -> httpx.Response:
        answer: httpx.Response = client.post("/login/oidc/company", headers=FORM)
        return answer

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"discovery": set_to(issuer="https://evil.example")}, "says that it is another issuer"),
            ({"discovery": set_to(token_endpoint="http://evil.example/token")}, "gives no safe address"),
            ({"discovery": set_to(authorization_endpoint="javascript:alert(1)")}, "gives no safe address"),
            ({"discovery": without("jwks_uri")}, "gives no safe address"),
            ({"status": 500}, "no discovery document"),
            ({"status": 302}, "no discovery document"),
            ({"padding": 600_000}, "too long"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_is_refused(
        self, client: TestClient, provider: Provider, change: dict[str, Any], message: str
    ) -> None:
        for name, value in change.items():
            setattr(provider.says, name, value)
        answer = self.failed(client)
        assert (answer.status_code, message in unescape(answer.text)) == (503, True), answer.text

    def test_one_that_does_not_answer(
        self, client: TestClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(asking, "PATIENCE", 0.2)
        provider.says.waits = 1
        answer = self.failed(client)
        assert (answer.status_code, "Company &amp; Co does not answer" in answer.text) == (503, True)
        asked = len(provider.says.asked)
        self.failed(client)  # it is not asked again at once
        assert len(provider.says.asked) <= asked + 1

    def test_a_missing_secret(
        self, client: TestClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("COMPANY_SECRET")
        assert is_refused(client, sign_in(client, provider), "COMPANY_SECRET is not set")

    def test_what_it_says_is_kept(self, client: TestClient, provider: Provider) -> None:
        provider.says.person["groups"] = ["readers"]
        for _ in range(3):
            sign_in(client, provider)
        assert provider.says.asked.count("/.well-known/openid-configuration") == 1
        assert provider.says.asked.count("/jwks") == 1


def test_the_fake_says_nothing_wrong_by_itself() -> None:
    assert Says().person["sub"] == "1"
