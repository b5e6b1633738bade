"""Accounts: made, invited, changed, closed."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from evaluator.domain.access import MAIN, Person, Role, Way
from evaluator.errors import (
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    SignedOutError,
    UnknownNameError,
)
from evaluator.people import accounts, log
from evaluator.people.secrets import digest
from evaluator.people.sessions import sign_in
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import Workspace
from tests.unit.people.conftest import PASSWORD

PHRASE = "another good phrase"


def joined(
    shared: Workspace, name: str, role: Role | None = Role.VIEWER, *, is_admin: bool = False
) -> Person:
    link = accounts.invite(shared, name, role, is_admin=is_admin)
    return accounts.person_of(accounts.accept(shared, link.secret, PHRASE), Way.PASSWORD)


def test_somebody_joins_by_a_link_with_the_role_they_were_invited_to(shared: Workspace, ann: Person) -> None:
    with acting_as(ann):
        link = accounts.invite(shared, " Bob ", Role.EDITOR)
    assert (link.name, accounts.invited(shared, link.secret) is not None) == ("Bob", True)
    bob = accounts.accept(shared, link.secret, PHRASE)
    assert (bob.name, bob.is_admin, bob.roles) == ("Bob", False, {MAIN: Role.EDITOR})


def test_a_link_works_once(shared: Workspace) -> None:
    link = accounts.invite(shared, "bob", None)
    accounts.accept(shared, link.secret, PHRASE)
    assert accounts.invited(shared, link.secret) is None
    with pytest.raises(UnknownNameError, match="was used already, or has expired"):
        accounts.accept(shared, link.secret, PHRASE)
    with pytest.raises(UnknownNameError):
        accounts.accept(shared, "made up", PHRASE)


def test_of_two_links_for_a_name_one_works(shared: Workspace) -> None:
    links = [accounts.invite(shared, name, None) for name in ("bob", "BOB")]
    accounts.accept(shared, links[0].secret, PHRASE)
    with pytest.raises(ConflictError, match="there is an account 'BOB' already"):
        accounts.accept(shared, links[1].secret, PHRASE)
    assert len(accounts.members(shared)) == 2


def test_whoever_is_killed_while_joining_can_use_the_link_again(
    shared: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = accounts.invite(shared, "bob", Role.EDITOR)
    with monkeypatch.context() as patch:
        patch.setattr(shared.database.states, "change", killed)  # just before the commit
        with pytest.raises(KeyboardInterrupt):
            accounts.accept(shared, link.secret, PHRASE)
    assert accounts.by_name(shared, "bob") is None
    assert accounts.accept(shared, link.secret, PHRASE).roles == {MAIN: Role.EDITOR}


def killed() -> None:
    raise KeyboardInterrupt


def test_invitations_end_with_the_account_of_whoever_invited(shared: Workspace) -> None:
    lead = joined(shared, "lead", Role.ADMIN)
    with acting_as(lead):
        link = accounts.invite(shared, "bob", Role.ADMIN)
    accounts.disable(shared, "lead")
    assert accounts.invited(shared, link.secret) is None


def test_two_administrators_who_demote_each_other_leave_one(shared: Workspace) -> None:
    joined(shared, "bob", is_admin=True)
    start, refused = threading.Barrier(2), []

    def demote(name: str) -> None:
        start.wait()
        try:
            accounts.set_admin(shared, name, False)
        except ConflictError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=demote, args=(name,)) for name in ("ann", "bob")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert [each.is_admin for each in accounts.members(shared)].count(True) == 1


def test_open_invitations_are_listed_and_withdrawn(shared: Workspace) -> None:
    lead = joined(shared, "lead", Role.ADMIN)
    with acting_as(lead):
        link = accounts.invite(shared, "bob", Role.JUDGE)
        (invitation,) = accounts.open_invitations(shared)
        assert (invitation.name, invitation.role, invitation.project) == ("bob", Role.JUDGE, MAIN)
        accounts.withdraw(shared, accounts.invitation_id(invitation))
        assert accounts.open_invitations(shared) == []
        with pytest.raises(UnknownNameError, match="there is no open invitation"):
            accounts.withdraw(shared, accounts.invitation_id(invitation))
    assert accounts.invited(shared, link.secret) is None


def test_a_link_expires(shared: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "INVITED_FOR", timedelta(0))
    link = accounts.invite(shared, "bob", None)
    assert accounts.invited(shared, link.secret) is None
    with pytest.raises(UnknownNameError):
        accounts.accept(shared, link.secret, PHRASE)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "I am Bobby tables", "x" * 1001])
def test_a_weak_password_is_refused_and_the_link_still_works(shared: Workspace, password: str) -> None:
    link = accounts.invite(shared, "bob", None)
    with pytest.raises(InvalidInputError, match="choose another one"):
        accounts.accept(shared, link.secret, password)
    assert accounts.accept(shared, link.secret, PHRASE).name == "bob"


@pytest.mark.parametrize("name", ["ann", "ANN", " ａｎｎ "])
def test_a_name_is_one_however_it_is_written(shared: Workspace, name: str) -> None:
    with pytest.raises(ConflictError, match="there is an account"):
        accounts.invite(shared, name, None)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\u202eb", "x" * 201])
def test_a_name_that_cannot_be_seen_is_refused(shared: Workspace, name: str) -> None:
    with pytest.raises(InvalidInputError, match="a name has 1 to 200 characters"):
        accounts.invite(shared, name, None)


def test_the_only_administrator_stays_one(shared: Workspace) -> None:
    with pytest.raises(ConflictError, match="ann is the only administrator"):
        accounts.set_admin(shared, "ann", False)
    with pytest.raises(ConflictError):
        accounts.disable(shared, "ann")
    joined(shared, "bob", is_admin=True)
    accounts.disable(shared, "ann")
    assert accounts.known(shared, "ann").disabled_at is not None


def test_who_administers_the_project_invites_but_makes_no_administrator_of_the_instance(
    shared: Workspace,
) -> None:
    lead = joined(shared, "lead", Role.ADMIN)
    with acting_as(lead):
        assert joined(shared, "bob", Role.ADMIN).roles == {MAIN: Role.ADMIN}
        accounts.grant(shared, "bob", Role.JUDGE)
        with pytest.raises(ForbiddenError, match="takes an administrator of this instance"):
            accounts.invite(shared, "carl", None, is_admin=True)
        with pytest.raises(ForbiddenError):
            accounts.disable(shared, "bob")
    assert accounts.known(shared, "bob").roles == {MAIN: Role.JUDGE}


def test_a_role_is_taken_away(shared: Workspace) -> None:
    joined(shared, "bob")
    accounts.grant(shared, "bob", None)
    assert accounts.known(shared, "bob").roles == {}


def test_a_new_password_by_link(shared: Workspace) -> None:
    first = accounts.reset(shared, "ann")
    second = accounts.reset(shared, "ann")
    with pytest.raises(UnknownNameError):
        accounts.accept(shared, first.secret, PHRASE)  # the newer link replaces it
    assert accounts.accept(shared, second.secret, PHRASE).name == "ann"


def test_a_new_password_for_oneself(shared: Workspace, ann: Person) -> None:
    with acting_as(ann):
        with pytest.raises(ForbiddenError, match="not your present password"):
            accounts.change_password(shared, "wrong", PHRASE)
        accounts.change_password(shared, PASSWORD, PHRASE)
    with pytest.raises(ForbiddenError):  # a command has none
        accounts.change_password(shared, PASSWORD, PHRASE)


def test_neither_passwords_nor_secrets_are_stored(shared: Workspace) -> None:
    link = accounts.invite(shared, "bob", None)
    rows = shared.database.cursor.execute(
        "SELECT password FROM accounts UNION ALL SELECT digest FROM invitations"
    )
    stored = " ".join(value for (value,) in rows.fetchall())
    assert "$argon2id$" in stored
    assert digest(link.secret) in stored
    assert PASSWORD not in stored
    assert link.secret not in stored


def test_nobody_reads_in_the_log_what_was_typed_as_a_name(shared: Workspace) -> None:
    with pytest.raises(SignedOutError):
        sign_in(shared, PASSWORD, "ann", "")
    entry = log.entries(shared)[0]
    assert (entry.person, entry.action) == ("an unknown name", "failed to sign in")


def test_what_people_do_is_on_record(shared: Workspace, ann: Person) -> None:
    with acting_as(ann, at="192.0.2.7"):
        link = accounts.invite(shared, "bob", Role.JUDGE)
        accounts.accept(shared, link.secret, PHRASE)
        newest, before, *_ = log.entries(shared)
    assert (newest.person, newest.action, newest.subject) == ("bob", "joined", "invited by ann")
    assert (before.person, before.way, before.address) == ("ann", "password", "192.0.2.7")
    assert (before.action, before.subject) == ("invited", "bob as judge in main")
    assert log.entries(shared, before=before.number, limit=1)[0].action == "added an administrator"
    with acting_as(joined(shared, "carl", Role.ADMIN)), pytest.raises(ForbiddenError, match="audit log"):
        log.entries(shared)
