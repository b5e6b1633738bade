"""Who may do what, from the one table."""

from __future__ import annotations

from typing import get_args

import pytest

from evaluator.domain.access import (
    LOWEST,
    MAIN,
    NOBODY,
    OF_INSTANCE,
    Action,
    Person,
    Role,
    Way,
    limited,
    refused,
)
from evaluator.settings.kinds import RoleName

ADMIN = Person("ann", Way.PASSWORD, "1", is_admin=True)


def person(role: Role | None) -> Person:
    return Person("bob", Way.PASSWORD, "2", roles={} if role is None else {MAIN: role})


def test_every_action_has_its_place() -> None:
    assert set(Action) == {*LOWEST, *OF_INSTANCE}


def test_settings_name_the_same_roles() -> None:
    assert get_args(RoleName) == tuple(Role)


@pytest.mark.parametrize(
    ("role", "actions"),
    [
        (None, set()),
        (Role.VIEWER, {Action.SEE, Action.COMMENT}),
        (Role.JUDGE, {Action.SEE, Action.COMMENT, Action.JUDGE, Action.ASK}),
        (Role.EDITOR, {*LOWEST} - {Action.GRANT, Action.MODERATE}),
        (Role.ADMIN, {*LOWEST}),
    ],
)
def test_each_role_may_what_the_one_before_may_and_more(role: Role | None, actions: set[Action]) -> None:
    assert {action for action in Action if person(role).may(action, MAIN)} == actions


def test_a_role_counts_in_its_project_alone() -> None:
    assert not person(Role.ADMIN).may(Action.SEE, "another")


def test_administrators_of_the_instance_may_everything_and_nobody_nothing() -> None:
    assert all(ADMIN.may(action, MAIN) for action in Action)
    assert not any(NOBODY.may(action, MAIN) for action in Action)


def test_a_token_may_no_more_than_its_scope_and_no_more_than_its_account() -> None:
    assert limited(ADMIN, None) is ADMIN
    assert limited(ADMIN, Role.JUDGE).roles == {MAIN: Role.JUDGE}
    assert not limited(ADMIN, Role.ADMIN).is_admin
    assert limited(person(Role.VIEWER), Role.EDITOR).roles == {MAIN: Role.VIEWER}
    assert limited(person(None), Role.EDITOR).roles == {}


def test_a_token_of_one_project_counts_there_alone() -> None:
    both = Person("bob", Way.TOKEN, "2", roles={MAIN: Role.EDITOR, "web": Role.VIEWER})
    assert limited(both, project="web").roles == {"web": Role.VIEWER}
    assert limited(both, Role.JUDGE).roles == {MAIN: Role.JUDGE, "web": Role.VIEWER}
    assert limited(ADMIN, project="web", all_projects=(MAIN, "web")).roles == {"web": Role.ADMIN}
    assert limited(ADMIN, project="gone").roles == {}


def test_the_first_project_is_the_main_one_for_those_who_see_it() -> None:
    assert ADMIN.first_project == MAIN
    assert Person("bob", Way.PASSWORD, "2", roles={MAIN: Role.VIEWER, "a": Role.ADMIN}).first_project == MAIN
    assert Person("bob", Way.PASSWORD, "2", roles={"b": Role.VIEWER, "a": Role.VIEWER}).first_project == "a"
    assert NOBODY.first_project == MAIN
    assert (ADMIN.projects, NOBODY.projects) == (None, frozenset())


def test_a_refusal_says_what_it_takes_and_who_can_grant_it() -> None:
    assert refused(person(Role.VIEWER), Action.RUN, MAIN) == (
        "bob may not start, stop or delete experiments: that takes the role editor in the project 'main', where bob "
        "has the role viewer; an administrator of the project can grant it"
    )
    assert "has no role" in refused(person(None), Action.SEE, MAIN)
    assert refused(ADMIN, Action.AUDIT, MAIN).endswith(
        "that takes an administrator of this instance; ask one"
    )
