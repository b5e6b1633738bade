"""What somebody made or was told does not outlive their rights."""

from __future__ import annotations

import pytest

from evaluator.domain.access import MAIN, Role, Way
from evaluator.domain.teamwork.records import Notice
from evaluator.errors import ConflictError, ForbiddenError, UnknownNameError
from evaluator.people import accounts, projects, records, tokens
from evaluator.store.teamwork import notifications as store
from evaluator.teamwork import preferences
from evaluator.workspace.acting import acting_as, in_project
from evaluator.workspace.workspace import Workspace
from tests.unit.people.test_accounts import PHRASE, joined


def told(shared: Workspace, account: str, project: str) -> None:
    said = (project, "experiment", "finished", f"secret of {project}", "text")
    store.notify(
        shared.database,
        [Notice(f"{account} {project} {channel}", account, channel, *said) for channel in ("app", "mail")],
    )
    store.not_sent(shared.database, f"{account} {project} mail", "refused", is_last=False)


def test_an_invitation_ends_with_the_right_to_invite(shared: Workspace) -> None:
    lead, boss = joined(shared, "lead", Role.ADMIN), joined(shared, "boss", is_admin=True)
    with acting_as(lead):
        into = accounts.invite(shared, "mate", Role.ADMIN)
    with acting_as(boss):
        above = accounts.invite(shared, "second", None, is_admin=True)
    accounts.grant(shared, "lead", Role.VIEWER)
    accounts.set_admin(shared, "boss", False)
    for link in (into, above):
        assert accounts.invited(shared, link.secret) is None
        with pytest.raises(UnknownNameError):
            accounts.accept(shared, link.secret, PHRASE)
    accounts.grant(shared, "lead", Role.ADMIN)
    assert accounts.invited(shared, into.secret) is not None


def test_notifications_are_of_projects_that_one_sees(shared: Workspace) -> None:
    projects.add(shared, "web")
    bob = joined(shared, "bob", Role.EDITOR)
    with in_project("web"):
        accounts.grant(shared, "bob", Role.VIEWER)
    for project in (MAIN, "web"):
        told(shared, bob.account or "", project)
    with acting_as(accounts.person_of(accounts.known(shared, "bob"), Way.PASSWORD)):
        assert preferences.unread(shared) == 2
        secret = tokens.create(shared, "CI", project="web").secret
    token = tokens.person_of_token(shared, secret)
    assert token is not None
    with acting_as(token):
        assert [each.title for each in preferences.notifications(shared)] == ["secret of web"]
        assert [each.title for each in preferences.troubles(shared)] == ["secret of web"]
        assert preferences.unread(shared) == 1
        preferences.mark_read(shared)
    with in_project("web"):
        accounts.grant(shared, "bob", None)
    with acting_as(accounts.person_of(accounts.known(shared, "bob"), Way.PASSWORD)):
        assert [each.title for each in preferences.notifications(shared)] == ["secret of main"]
        assert preferences.unread(shared) == 1


def test_a_token_revokes_itself_and_no_other(shared: Workspace) -> None:
    bob = joined(shared, "bob", Role.EDITOR)
    with acting_as(bob):
        one, other = (tokens.create(shared, name) for name in ("one", "other"))
    person = tokens.person_of_token(shared, one.secret)
    assert person is not None
    with acting_as(person):
        with pytest.raises(ForbiddenError, match="only somebody who signed in"):
            tokens.revoke(shared, other.id)
        with pytest.raises(ForbiddenError, match="only somebody who signed in"):
            tokens.tokens(shared)


def test_changes_of_an_account_are_all_done_or_none(shared: Workspace) -> None:
    lead = joined(shared, "lead", Role.ADMIN)
    joined(shared, "bob", Role.VIEWER)
    with acting_as(lead), pytest.raises(ForbiddenError):
        records.change_account(shared, "bob", {"role": "admin", "is_admin": True})
    assert accounts.known(shared, "bob").roles == {MAIN: Role.VIEWER}
    with acting_as(joined(shared, "eve", Role.EDITOR)), pytest.raises(ForbiddenError):
        records.change_account(shared, "bob", {})


def test_the_name_of_a_removed_project_is_not_taken_again(shared: Workspace) -> None:
    projects.add(shared, "web")
    with in_project("web"):
        joined(shared, "bob", Role.EDITOR)
    projects.remove(shared, "web")
    with pytest.raises(ConflictError, match="there was a project 'web'"):
        projects.add(shared, "web")
