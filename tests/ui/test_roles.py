"""Pages hide what somebody may not do, and say so to whoever is signed out."""

from __future__ import annotations

import pytest

from evaluator.domain.access import MAIN, Person, Role, Way
from evaluator.errors import SignedOutError
from evaluator.workspace.acting import otherwise
from evaluator.workspace.workspace import Workspace
from tests.ui.conftest import AddExperiment, labels, open_page, record, text_of


def person(role: Role) -> Person:
    return Person("bob", Way.PASSWORD, "1", roles={MAIN: role})


def offered(person: Person, page: str, **address: str) -> set[str]:
    """Labels of everything on a page that can be pressed or opened."""
    with otherwise(lambda: person):
        app = open_page(page, **address)
    assert not app.exception, app.exception[0].value
    assert not app.error, app.error[0].value
    blocks = {str(block.label) for block in (*app.expander, *app.tabs)}
    return blocks | {label for kind in ("button", "page_link") for label in labels(app, kind)}


@pytest.fixture
def experiment(workspace: Workspace, add_experiment: AddExperiment) -> str:
    spec = add_experiment(workspace, "bm25", "other")
    for variant in ("bm25", "other"):
        record(workspace, spec, variant, 0.5)
    return spec.id


@pytest.mark.parametrize("role", Role)
def test_each_role_is_offered_what_it_may_do(workspace: Workspace, experiment: str, role: Role) -> None:
    who, edits = person(role), role.rank >= Role.EDITOR.rank
    assert ("Upload a dataset" in offered(who, "datasets")) == edits
    assert ("New experiment" in offered(who, "experiments")) == edits
    one = offered(who, "experiments", experiment=experiment)
    assert ("Delete the experiment" in one) == edits
    dataset = offered(who, "datasets", dataset="tiny", tab="queries")
    assert ("Settings" in dataset, "Add queries" in dataset) == (edits, edits)
    query = offered(who, "query", experiment=experiment, query="q1")
    judges = role.rank >= Role.JUDGE.rank
    assert any(label.startswith(("Judge ", "Everything shown")) for label in query) == judges
    assert ("Ask a query" in query) == judges


def test_a_viewer_of_an_empty_instance_is_told_to_wait(workspace: Workspace) -> None:
    with otherwise(lambda: person(Role.VIEWER)):
        app = open_page("leaderboard")
    assert "once somebody has run an experiment" in text_of(app)
    assert labels(app, "button") == []


def test_an_address_does_not_give_what_a_role_does_not(workspace: Workspace) -> None:
    with otherwise(lambda: person(Role.VIEWER)):
        app = open_page("experiments", new="")
    assert "Bob may not start, stop or delete experiments" in text_of(app)


def test_whoever_is_signed_out_sees_nothing(workspace: Workspace, experiment: str) -> None:
    def nobody() -> Person:
        raise SignedOutError("the session has ended")

    with otherwise(nobody):
        app = open_page("leaderboard", experiment=experiment)
    assert "You are signed out" in text_of(app)
    assert "bm25" not in text_of(app)
