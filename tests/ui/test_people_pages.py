"""The pages of one's own account, and of everybody who may use the instance."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from evaluator.domain.access import MAIN, Role, Way
from evaluator.people import accounts, sessions, tokens
from evaluator.workspace.acting import acting_as, otherwise
from evaluator.workspace.workspace import Workspace
from tests.ui.conftest import FRAME, button, labels, open_page, text_of

PASSWORD, PHRASE = "correct horse battery", "another good phrase"


@pytest.fixture
def team(workspace: Workspace) -> Iterator[Workspace]:
    """An administrator, ann, who looks at the pages, and a viewer, bob."""
    ann = accounts.add_admin(workspace, "ann", PASSWORD)
    accounts.accept(workspace, accounts.invite(workspace, "bob", Role.VIEWER).secret, PHRASE)
    with otherwise(lambda: accounts.person_of(ann, Way.PASSWORD)):
        yield workspace


def titles(app: AppTest) -> list[str]:
    return [str(element.value) for element in app.code]


def test_a_token_is_made_shown_once_and_revoked(team: Workspace) -> None:
    app = open_page("account")
    assert "ann · administrator of this instance" in text_of(app)
    app.text_input[0].set_value("CI")
    app.selectbox[0].set_value(Role.JUDGE)
    button(app, "Make a token").click().run()
    (secret,) = titles(app)
    found = tokens.person_of_token(team, secret)
    assert found is not None
    assert found.roles == {MAIN: Role.JUDGE}
    app.run()
    assert titles(app) == []
    assert f"CI** `{secret[:11]}…` · at most judge" in text_of(app)
    button(app, "Revoke").click().run()
    assert tokens.person_of_token(team, secret) is None
    assert "You have none yet." in text_of(app)


def test_a_wrong_password_is_said_and_the_right_one_changes_it(team: Workspace) -> None:
    app = open_page("account")
    for old in ("wrong", PASSWORD):
        app.text_input[1].set_value(old)
        app.text_input[2].set_value(PHRASE)
        button(app, "Change it").click().run()
        assert ("That is not your present password" in text_of(app)) == (old == "wrong")
    assert sessions.sign_in(team, "ann", PHRASE, "")


def test_sessions_are_listed_and_ended(team: Workspace) -> None:
    secret = sessions.sign_in(team, "ann", PASSWORD, "Firefox")
    app = open_page("account")
    assert list(app.dataframe[0].value["Browser"]) == ["Firefox"]
    button(app, "Sign out everywhere").click().run()
    assert sessions.person_of_session(team, secret) is None


def test_people_are_invited_by_a_link_that_is_shown_once(team: Workspace) -> None:
    app = open_page("people")
    app.text_input[0].set_value("carl")
    button(app, "Make a link").click().run()
    (link,) = titles(app)
    assert accounts.accept(team, link.rpartition("/")[2], PHRASE).roles == {MAIN: Role.VIEWER}
    app.run()
    assert titles(app) == []
    assert "**carl**" in text_of(app)


def test_a_role_is_changed_where_it_is_seen(team: Workspace) -> None:
    app = open_page("people")
    (role,) = [box for box in app.selectbox if box.label == "Role of bob"]
    assert role.value == Role.VIEWER
    role.set_value(Role.EDITOR).run()
    assert accounts.known(team, "bob").roles == {MAIN: Role.EDITOR}


def test_an_account_is_closed_and_gets_a_new_password(team: Workspace) -> None:
    app = open_page("people")
    (_, close) = [each for each in app.button if each.label == "Close the account"]
    close.click().run()
    assert accounts.known(team, "bob").disabled_at is not None
    assert "**bob** · closed" in text_of(app)
    button(app, "Close the account").click().run()  # ann's own, the only administrator's
    assert "Ann is the only administrator" in text_of(app)
    button(app, "New password by link").click().run()
    assert accounts.invited(team, titles(app)[0].rpartition("/")[2]) is not None


def test_what_people_did_is_for_administrators(team: Workspace) -> None:
    assert list(open_page("people").dataframe[0].value["Did"])[:2] == ["joined", "invited"]
    accounts.grant(team, "bob", Role.ADMIN)
    bob = accounts.person_of(accounts.known(team, "bob"), Way.PASSWORD)
    with otherwise(lambda: bob):
        app = open_page("people")
    assert len(app.dataframe) == 0
    assert "More" not in labels(app, "button")
    assert "Close the account" not in labels(app, "button")


def test_whoever_may_not_invite_has_no_page_of_people(team: Workspace) -> None:
    bob = accounts.person_of(accounts.known(team, "bob"), Way.PASSWORD)
    with acting_as(bob), otherwise(lambda: bob):
        app = AppTest.from_file(str(FRAME.with_name("people.py")), default_timeout=60).run()
    assert "may not invite people" in str(app.exception[0].value)
