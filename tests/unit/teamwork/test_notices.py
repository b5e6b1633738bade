"""Who is told what when an experiment ends."""

from __future__ import annotations

import dataclasses

import pytest

from evaluator.domain.access import COMMAND, Person, Role, Way
from evaluator.domain.records import ExperimentRow
from evaluator.domain.teamwork.deeds import Deed, experiment_of
from evaluator.errors import ConflictError, ForbiddenError, InvalidInputError
from evaluator.experiments import lifecycle
from evaluator.people import log
from evaluator.store.people import accounts as account_rows
from evaluator.store.status import change_status
from evaluator.store.teamwork import notifications as store
from evaluator.teamwork import comments, preferences
from evaluator.teamwork.notices import notice
from evaluator.teamwork.preferences import Wanted
from evaluator.workspace.acting import acting_as
from evaluator.workspace.log import note
from evaluator.workspace.workspace import Workspace
from tests.unit.finished import submitted
from tests.unit.teamwork_instance import ended, somebody

ALL = Wanted(("finished", "failed", "regressed"), everybodys=True)


def wants(workspace: Workspace, name: str, wanted: Wanted, role: Role = Role.VIEWER) -> Person:
    person = somebody(workspace, name, role)
    with acting_as(person):
        preferences.save(workspace, wanted)
    return person


def told(workspace: Workspace, person: Person) -> list[tuple[str, str]]:
    with acting_as(person):
        return [(each.event, each.title) for each in preferences.notifications(workspace)]


def starts(workspace: Workspace, person: Person) -> ExperimentRow:
    """An experiment that somebody started and that is finished now."""
    spec = submitted(workspace, "tiny", ["best", "worse"])
    with acting_as(person):
        note(workspace, Deed.STARTED, "look", experiment_of(spec.id))
    return ended(workspace)


def test_whoever_started_it_is_told_once(workspace: Workspace) -> None:
    ann, bob = (wants(workspace, name, Wanted(("finished",))) for name in ("ann", "bob"))
    starts(workspace, ann)
    assert (notice(workspace), notice(workspace)) == (1, 0)
    assert told(workspace, ann) == [("finished", "look is finished")]
    assert told(workspace, bob) == []


def test_one_may_want_to_know_of_everybodys(workspace: Workspace) -> None:
    ann = wants(workspace, "ann", ALL)
    ended(workspace)
    notice(workspace)
    assert told(workspace, ann) == [("finished", "look is finished")]


def test_nobody_is_told_what_they_do_not_want(workspace: Workspace) -> None:
    ann = wants(workspace, "ann", Wanted(("failed", "regressed"), everybodys=True))
    ended(workspace)
    notice(workspace)
    assert told(workspace, ann) == []


def test_failures_are_told(workspace: Workspace) -> None:
    ann = wants(workspace, "ann", Wanted(("failed",), everybodys=True))
    ended(workspace, failed=("q1",))
    notice(workspace)
    spec = submitted(workspace, "tiny", name="other")
    change_status(workspace.database, spec.id, "stop", "the budget is spent")
    notice(workspace)
    assert told(workspace, ann) == [
        ("failed", "other was stopped"),
        ("failed", "look is finished, but some of it failed"),
    ]
    with acting_as(ann):
        texts = [each.text for each in preferences.notifications(workspace)]
    assert texts[0].endswith("\nthe budget is spent")
    assert "2 queries and 0 variants failed." in texts[1]  # one of each variant


def test_a_regression_is_what_the_gate_says(workspace: Workspace) -> None:
    # 10 queries, each loses 1: the whole interval is below -0.01, and p is 2/1024, so it is separable.
    named = wants(workspace, "ann", Wanted(("regressed",), everybodys=True, baseline="best"))
    lenient = wants(workspace, "bob", Wanted(("regressed",), everybodys=True, baseline="best", max_loss=1.0))
    nothing = wants(workspace, "carl", Wanted(("regressed",), everybodys=True))
    other = wants(workspace, "dan", Wanted(("regressed",), everybodys=True, baseline="another"))
    ended(workspace)
    notice(workspace)
    assert told(workspace, named) == [("regressed", "Regression: look")]
    assert [told(workspace, person) for person in (lenient, nothing, other)] == [[], [], []]
    with acting_as(named):
        (only,) = preferences.notifications(workspace)
    assert "worse loses 1.0000" in only.text
    assert "against best by nDCG@10 (at most 0.01 was allowed)" in only.text


def test_without_a_name_the_decision_of_the_dataset_is_the_baseline(workspace: Workspace) -> None:
    ann = wants(workspace, "ann", Wanted(("regressed",), everybodys=True))
    first = ended(workspace, wrong="another")
    notice(workspace)
    assert told(workspace, ann) == []
    with acting_as(COMMAND):
        comments.decide(workspace, first, "best", "right", by="Ada")
    ended(workspace, name="next")
    notice(workspace)
    assert told(workspace, ann) == [("regressed", "Regression: next")]
    with acting_as(COMMAND):
        comments.decide(workspace, first, None, "none of them after all", by="Ada")
    ended(workspace, name="last")
    notice(workspace)
    assert len(told(workspace, ann)) == 1


def test_whoever_may_not_see_it_is_told_nothing(workspace: Workspace) -> None:
    ann, bob = wants(workspace, "ann", ALL), wants(workspace, "bob", ALL)
    account_rows.change(workspace.database, str(ann.account), is_disabled=True)
    account_rows.grant(workspace.database, str(bob.account), "main", None)
    ended(workspace)
    notice(workspace)
    assert store.notifications(workspace.database, str(ann.account), None, 10) == []
    assert store.notifications(workspace.database, str(bob.account), None, 10) == []


def test_an_experiment_that_is_gone_is_no_news(workspace: Workspace) -> None:
    ann = wants(workspace, "ann", ALL)
    lifecycle.delete(workspace, ended(workspace))
    notice(workspace)
    assert told(workspace, ann) == []


def test_what_happened_before_an_upgrade_is_no_news(workspace: Workspace) -> None:
    """The migration begins with the entries that there are."""
    (number,) = workspace.database.cursor.execute("SELECT number FROM noticed").fetchall()[0]
    assert number == 0


def test_notifications_are_read(workspace: Workspace) -> None:
    ann = wants(workspace, "ann", ALL)
    ended(workspace)
    ended(workspace, name="other")
    notice(workspace)
    bob = somebody(workspace, "bob")
    with acting_as(ann):
        ids = [each.id for each in preferences.notifications(workspace)]
        assert preferences.unread(workspace) == 2
    with acting_as(bob):
        preferences.mark_read(workspace, tuple(ids))
    with acting_as(ann):
        assert preferences.unread(workspace) == 2
        preferences.mark_read(workspace, (ids[0],))
        assert preferences.unread(workspace) == 1
        preferences.mark_read(workspace)
        assert preferences.unread(workspace) == 0


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (Wanted(("everything",)), "is not one of finished, failed, regressed"),
        (Wanted(max_loss=-1.0), "give a number from 0 on"),
        (Wanted(max_loss=float("nan")), "give a number from 0 on"),
        (Wanted(baseline="a\nb"), "no name of a variant"),
        (Wanted(mail_to="a@b@c"), "no e-mail address"),
        (Wanted(mail_to="a@example.org\nbcc: b@example.org"), "no e-mail address"),
        (Wanted(webhook_url="http://127.0.0.1:6379/"), "begins with https"),
    ],
)
def test_what_cannot_be_wanted_is_refused(workspace: Workspace, wanted: Wanted, message: str) -> None:
    with acting_as(somebody(workspace, "ann")):
        with pytest.raises(InvalidInputError, match=message):
            preferences.save(workspace, wanted)
        assert preferences.preferences(workspace)[0].events == ()


def test_a_webhook_is_shown_in_part_and_its_key_once(workspace: Workspace) -> None:
    url = "https://hooks.example.org/services/a-secret"
    with acting_as(somebody(workspace, "ann")):
        saved = preferences.save(workspace, Wanted(("finished",), webhook_url=url))
        assert saved.key is not None
        assert preferences.save(workspace, Wanted(("failed",))).key is None
        wanted, shown = preferences.preferences(workspace)
        record = str(preferences.preferences_record(wanted, shown))
        assert (wanted.webhook, shown) == (True, "https://hooks.example.org/…")
        assert preferences.save(workspace, Wanted(("failed",), webhook_url="")).preferences.webhook is False
        assert preferences.preferences(workspace)[1] is None
    everything = record + str(log.entries(workspace))
    assert "a-secret" not in everything
    assert saved.key not in everything
    assert log.entries(workspace, action=Deed.NOTIFICATIONS_SET)[-1].subject == (
        "finished: in the app, by webhook"
    )


def test_a_token_does_not_say_where_notifications_go(workspace: Workspace) -> None:
    """It may be in a job of a CI, and what it set would stay once it is revoked."""
    ann = wants(workspace, "ann", Wanted(mail_to="ann@example.org"))
    with acting_as(dataclasses.replace(ann, way=Way.TOKEN)):
        for wanted in (Wanted(mail_to="b@example.org"), Wanted(webhook_url="https://hooks.example.org/")):
            with pytest.raises(ForbiddenError, match="a token may not say where"):
                preferences.save(workspace, wanted)
        preferences.save(workspace, Wanted(("failed",), mail_to="ann@example.org"))


def test_a_test_is_sent_to_the_channels_once(workspace: Workspace) -> None:
    with acting_as(somebody(workspace, "ann")):
        with pytest.raises(ConflictError, match="no webhook and no mail address"):
            preferences.send_test(workspace)
        preferences.save(workspace, Wanted(mail_to="ann@example.org"))
        assert preferences.send_test(workspace) == 1
        with pytest.raises(ConflictError, match="still on its way"):
            preferences.send_test(workspace)


def test_without_accounts_there_is_nobody_to_tell(workspace: Workspace) -> None:
    with acting_as(COMMAND), pytest.raises(InvalidInputError, match="EVALUATOR_WEBHOOK_URL"):
        preferences.save(workspace, ALL)
    assert (preferences.unread(workspace), preferences.notifications(workspace)) == (0, [])
