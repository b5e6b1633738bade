"""Comments and decisions: who may, what is kept, what the audit log has."""

from __future__ import annotations

import pytest

from evaluator.domain.access import COMMAND, OPEN, Role
from evaluator.domain.teamwork.deeds import Deed
from evaluator.errors import ForbiddenError, InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.judging import judgments
from evaluator.people import log
from evaluator.teamwork import comments
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import Workspace
from tests.unit.teamwork_instance import ended, somebody


def said(workspace: Workspace, action: str) -> list[tuple[str, str]]:
    """Who did something to what, the newest first."""
    return [(row.person, row.subject) for row in log.entries(workspace, action=action)]


def test_people_comment_on_an_experiment_a_variant_and_a_query(workspace: Workspace) -> None:
    row = ended(workspace)
    with acting_as(somebody(workspace, "vera")):
        comments.comment(workspace, row, " why? ")
        comments.comment(workspace, row, "odd", variant="worse", query="q1")
    found = comments.comments(workspace, row)
    assert [(each.person, each.text, each.variant, each.query) for each in found] == [
        ("vera", "why?", None, None),
        ("vera", "odd", "worse", "q1"),
    ]
    assert said(workspace, Deed.COMMENTED) == [
        ("vera", "look: query q1, worse"),
        ("vera", "look"),
    ]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"text": "  "}, "the text is empty"),
        ({"text": "x" * 10_001}, "shorten it to 10,000"),
        ({"text": "x", "variant": "none"}, "no variant 'none'; it has best, worse"),
        ({"text": "x", "query": "none"}, "no query 'none'"),
    ],
)
def test_a_comment_that_cannot_be_is_refused(
    workspace: Workspace, given: dict[str, str], message: str
) -> None:
    row = ended(workspace)
    with acting_as(somebody(workspace, "vera")), pytest.raises(InvalidInputError, match=message):
        comments.comment(workspace, row, **given)
    assert comments.comments(workspace, row) == []


def test_one_changes_and_deletes_ones_own(workspace: Workspace) -> None:
    row = ended(workspace)
    vera, bob = somebody(workspace, "vera"), somebody(workspace, "bob", Role.EDITOR)
    with acting_as(vera):
        written = comments.comment(workspace, row, "first")
        edited = comments.edit(workspace, written.number, "second")
    assert (edited.text, edited.edited_at is not None) == ("second", True)
    with acting_as(bob):
        for act in (
            lambda: comments.edit(workspace, written.number, "third"),
            lambda: comments.delete(workspace, written.number),
        ):
            with pytest.raises(ForbiddenError, match="bob may not change a comment of vera"):
                act()
    with acting_as(vera):
        comments.delete(workspace, written.number)
    assert comments.comments(workspace, row) == []
    # What it was stays where administrators see it.
    assert said(workspace, Deed.COMMENT_EDITED) == [("vera", "look: by vera: first")]
    assert said(workspace, Deed.COMMENT_DELETED) == [("vera", "look: by vera: second")]


def test_an_administrator_deletes_anybodys_but_edits_nobodys(workspace: Workspace) -> None:
    row = ended(workspace)
    with acting_as(somebody(workspace, "vera")):
        written = comments.comment(workspace, row, "spam")
    with acting_as(somebody(workspace, "adam", Role.ADMIN)):
        with pytest.raises(ForbiddenError):
            comments.edit(workspace, written.number, "ham")
        comments.delete(workspace, written.number)
    assert said(workspace, Deed.COMMENT_DELETED) == [("adam", "look: by vera: spam")]


def test_without_accounts_people_give_a_name(workspace: Workspace) -> None:
    row = ended(workspace)
    with acting_as(OPEN):
        for wrong in ("", "x" * 61, "a\nb"):
            with pytest.raises(InvalidInputError, match=r"say who writes|is no name"):
                comments.comment(workspace, row, "x", by=wrong)
        written = comments.comment(workspace, row, "x", by=" Ada ")
        comments.edit(workspace, written.number, "y")
        decided = comments.decide(workspace, row, "best", "as good as any", by="Ada")
    assert (written.person, written.account) == ("Ada", None)
    assert decided.decision is not None
    assert decided.decision.person == "Ada"
    assert said(workspace, Deed.COMMENTED) == [("Ada", "look")]


def test_somebody_signed_in_writes_under_their_own_name(workspace: Workspace) -> None:
    row = ended(workspace)
    with acting_as(somebody(workspace, "vera")):
        assert comments.comment(workspace, row, "x", by="ann").person == "vera"


def test_a_decision_replaces_the_one_before_which_stays(workspace: Workspace) -> None:
    row = ended(workspace)
    assert row.decision is None
    with acting_as(somebody(workspace, "eve", Role.EDITOR)):
        comments.decide(workspace, row, None, "wait for more queries")
        now = comments.decide(workspace, row, "best", "right everywhere")
    assert now.decision is not None
    assert (now.decision.variant, now.decision.reason, now.decision.person) == (
        "best",
        "right everywhere",
        "eve",
    )
    assert [each.variant for each in comments.decisions(workspace, row)] == ["best", None]
    assert said(workspace, Deed.DECIDED)[0] == ("eve", "look: best ships: right everywhere")


def test_a_decision_takes_an_editor_a_reason_and_a_variant(workspace: Workspace) -> None:
    row = ended(workspace)
    with acting_as(somebody(workspace, "judy", Role.JUDGE)), pytest.raises(ForbiddenError, match="editor"):
        comments.decide(workspace, row, "best", "x")
    with acting_as(somebody(workspace, "eve", Role.EDITOR)):
        with pytest.raises(InvalidInputError, match="a decision without a reason"):
            comments.decide(workspace, row, "best", " ")
        with pytest.raises(UnknownNameError):
            comments.decide(workspace, row, "none", "x")
    assert lifecycle.find(workspace, row.id).decision is None


def test_what_was_said_stays_when_judgments_change(workspace: Workspace) -> None:
    before = ended(workspace)
    with acting_as(COMMAND):
        comments.comment(workspace, before, "x", by="Ada")
        comments.decide(workspace, before, "best", "y", by="Ada")
        judgments.edit(workspace, before.dataset_id, {("q1", "d2"): 1})
    (after,) = lifecycle.listed(workspace)
    assert after.id != before.id
    assert [each.text for each in comments.comments(workspace, after)] == ["x"]
    assert after.decision is not None
    assert after.decision.experiment == before.id
    lifecycle.delete(workspace, before)
    assert [each.text for each in comments.comments(workspace, after)] == ["x"]
    found = lifecycle.find(workspace, after.id).decision
    assert found is not None
    assert found.experiment == after.id
    lifecycle.delete(workspace, after)
    (left,) = workspace.database.cursor.execute("SELECT count(*) FROM comments").fetchall()
    assert left == (0,)
