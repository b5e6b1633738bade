"""Comments, decisions, activity and notifications on pages."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from evaluator.domain.access import OPEN, Role, Way
from evaluator.experiments import lifecycle
from evaluator.people import accounts
from evaluator.people.accounts import person_of
from evaluator.teamwork import comments, preferences
from evaluator.teamwork.notices import notice
from evaluator.teamwork.outbox import deliver
from evaluator.teamwork.preferences import Wanted
from evaluator.workspace.acting import acting_as, otherwise
from evaluator.workspace.workspace import Workspace
from tests.ui.conftest import AddExperiment, button, labels, open_page, record, text_of

PASSWORD, PHRASE = "correct horse battery", "another good phrase"


@pytest.fixture
def experiment(workspace: Workspace, add_experiment: AddExperiment) -> str:
    spec = add_experiment(workspace, "bm25", "other")
    for variant, score in (("bm25", 0.5), ("other", 0.4)):
        record(workspace, spec, variant, score)
    return spec.id


@pytest.fixture
def team(workspace: Workspace) -> Iterator[Workspace]:
    """An administrator, ann, who looks at the pages, and a viewer, bob."""
    ann = accounts.add_admin(workspace, "ann", PASSWORD)
    accounts.accept(workspace, accounts.invite(workspace, "bob", Role.VIEWER).secret, PHRASE)
    with otherwise(lambda: person_of(ann, Way.PASSWORD)):
        yield workspace


def area(app: AppTest, label: str) -> int:
    return [each.label for each in app.text_area].index(label)


def named(app: AppTest, name: str) -> None:
    """Fill in every field for the name of whoever writes."""
    for field in app.text_input:
        if field.label == "Your name":
            field.set_value(name)


def test_somebody_comments_and_the_comment_is_text(workspace: Workspace, experiment: str) -> None:
    with otherwise(lambda: OPEN):
        app = open_page("experiments", experiment=experiment)
        app.text_area[area(app, "Comment")].set_value(
            "<b>bold</b> https://a.example ![x](https://b.example/x.png)"
        )
        named(app, "Ada")
        button(app, "Comment").click().run()
        assert not app.exception
        (written,) = comments.comments(workspace, lifecycle.find(workspace, experiment))
        assert (written.person, written.variant) == ("Ada", None)
        shown = [each.value for each in app.markdown if "a.example" in each.value]
        assert len(shown) == 1  # and not in the activity, where it would stay
        assert "](https://a.example)" in shown[0]
        assert "\\<b\\>" in shown[0]
        assert "!\\[x\\]" in shown[0]
        assert any(each.startswith("**Ada**") for each in (str(m.value) for m in app.markdown))
        # The name stays for the next one.
        assert {field.value for field in app.text_input if field.label == "Your name"} == {"Ada"}


def test_without_a_name_nothing_is_kept(workspace: Workspace, experiment: str) -> None:
    with otherwise(lambda: OPEN):
        app = open_page("experiments", experiment=experiment)
        app.text_area[area(app, "Comment")].set_value("x")
        button(app, "Comment").click().run()
        assert "Say who writes" in text_of(app)
    assert comments.comments(workspace, lifecycle.find(workspace, experiment)) == []


def test_a_comment_is_edited_and_deleted(team: Workspace, experiment: str) -> None:
    row = lifecycle.find(team, experiment)
    app = open_page("query", experiment=experiment, query="q1")
    app.text_area[area(app, "Comment")].set_value("first")
    button(app, "Comment").click().run()
    (written,) = comments.comments(team, row)
    assert (written.person, written.query) == ("ann", "q1")
    on_page = open_page("experiments", experiment=experiment)
    assert "query q1" in text_of(on_page)
    fields = [field for field in app.text_area if field.value == "first"]
    fields[0].set_value("second")
    button(app, "Save").click().run()
    assert comments.comments(team, row)[0].text == "second"
    button(app, "Delete the comment").click().run()
    assert comments.comments(team, row) == []


def test_a_viewer_comments_but_does_not_decide(team: Workspace, experiment: str) -> None:
    bob = person_of(accounts.known(team, "bob"), Way.PASSWORD)
    with otherwise(lambda: bob):
        app = open_page("experiments", experiment=experiment)
    assert "Comment" in labels(app, "button")
    assert "Keep the decision" not in labels(app, "button")


def test_a_decision_is_shown_where_people_look(team: Workspace, experiment: str) -> None:
    app = open_page("experiments", experiment=experiment)
    box = next(box for box in app.selectbox if box.label == "Which variant ships")
    box.set_value("bm25")
    app.text_area[area(app, "Why")].set_value("simple and as good")
    button(app, "Keep the decision").click().run()
    assert not app.exception
    words = "**bm25** ships · decided by ann"
    assert words in text_of(app)
    pages = [
        open_page("experiments", experiment=experiment),
        open_page("leaderboard", experiment=experiment),
        open_page("compare", experiment=experiment, a="bm25", b="other"),
        open_page("compare", experiment=experiment, baseline="bm25"),
    ]
    for page in pages:
        assert words in text_of(page)
        assert "simple and as good" in text_of(page)


def test_what_happened_is_a_page_for_all(team: Workspace, experiment: str) -> None:
    bob = person_of(accounts.known(team, "bob"), Way.PASSWORD)
    with acting_as(bob):
        comments.comment(team, lifecycle.find(team, experiment), "hello")
    with otherwise(lambda: bob):
        app = open_page("activity")
    lines = [str(each.value) for each in app.markdown]
    assert "**bob** commented · look" in lines[0]
    assert "finished an experiment · look" in lines[1]
    assert "imported a dataset · tiny" in lines[2]
    assert not any("invited" in line for line in lines)
    assert [label for label in labels(app, "page_link") if label in ("Experiment", "Dataset")] == [
        "Experiment",
        "Experiment",
        "Dataset",
    ]


def test_nothing_has_happened_yet(workspace: Workspace) -> None:
    assert "Nothing has happened yet." in text_of(open_page("activity"))


def test_activity_goes_on(workspace: Workspace, experiment: str) -> None:
    row = lifecycle.find(workspace, experiment)
    for n in range(60):
        comments.comment(workspace, row, "x", by=f"Ada {n}.")
    app = open_page("activity")
    assert "Ada 59." in text_of(app)
    assert "Ada 5." not in text_of(app)
    button(app, "Show more").click().run()
    assert "Ada 5." in text_of(app)
    assert "Show more" not in labels(app, "button")


def test_notifications_are_chosen_listed_and_read(team: Workspace, add_experiment: AddExperiment) -> None:
    app = open_page("account")
    assert "There are none." in text_of(app)
    app.multiselect[0].set_value(["finished"])
    box = next(box for box in app.checkbox if box.label.startswith("Also about"))
    box.check()
    button(app, "Save").click().run()
    assert not app.error
    spec = add_experiment(team, "bm25")
    record(team, spec, "bm25", 0.5)
    notice(team)
    app = open_page("account")
    assert "1 new notification" in labels(app, "page_link")
    assert ":blue-badge[new] **look is finished**" in text_of(app)
    button(app, "Mark all as read").click().run()
    assert "look is finished" in text_of(app)
    assert "new notification" not in " ".join(labels(app, "page_link"))


def test_a_webhook_is_shown_in_part_and_its_key_once(team: Workspace) -> None:
    app = open_page("account")
    field = next(field for field in app.text_input if field.label == "Webhook")
    field.set_value("https://hooks.example.org/a-secret")
    button(app, "Save").click().run()
    (key,) = [str(each.value) for each in app.code]
    assert key.startswith("whsec_")
    app.run()
    assert [str(each.value) for each in app.code] == []
    drawn = text_of(app) + " ".join(labels(app, "text_input"))
    assert "hooks.example.org/…" in drawn
    assert "a-secret" not in drawn


def test_what_could_not_be_delivered_is_said_to_its_owner(team: Workspace) -> None:
    ann = person_of(accounts.known(team, "ann"), Way.PASSWORD)
    with acting_as(ann):
        preferences.save(team, Wanted(mail_to="ann@example.org"))
        preferences.send_test(team)
    deliver(team)
    assert "Not delivered by mail: This is a test: this server sends no mail" in text_of(open_page("account"))


def test_the_log_is_filtered(team: Workspace) -> None:
    app = open_page("people")
    box = next(box for box in app.selectbox if box.label == "Did")
    box.set_value("invited").run()
    assert list(app.dataframe[0].value["Did"]) == ["invited"]
    who = next(box for box in app.selectbox if box.label == "Who")
    who.set_value("bob").run()
    assert len(app.dataframe[0].value) == 0
