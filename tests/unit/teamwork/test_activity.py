"""Activity: what everybody sees of the audit log."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from evaluator.domain.access import NOBODY, Role
from evaluator.domain.teamwork.deeds import About, Deed, dataset_of, experiment_of
from evaluator.errors import ForbiddenError
from evaluator.experiments import lifecycle
from evaluator.judging import judgments, ratings
from evaluator.library import catalog
from evaluator.people import log
from evaluator.store.status import change_status
from evaluator.teamwork import comments
from evaluator.teamwork.activity import Happened, activity, merged
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset
from tests.unit.finished import submitted
from tests.unit.teamwork_instance import ended, somebody


def did(rows: list[Happened]) -> list[tuple[str, str, str]]:
    return [(row.person, row.did, row.subject) for row in rows]


def test_what_happened_is_listed_the_newest_first(workspace: Workspace) -> None:
    with acting_as(somebody(workspace, "eve", Role.EDITOR)):
        row = ended(workspace)
        comments.comment(workspace, row, "good")
        comments.decide(workspace, row, "best", "right")
    assert did(activity(workspace)) == [
        ("eve", "decided", "look: best ships: right"),
        ("eve", "commented", "look"),
        ("the server", "finished an experiment", "look"),
        ("a command", "imported a dataset", "tiny"),
    ]


def test_it_is_of_one_thing_and_goes_on(workspace: Workspace) -> None:
    row = ended(workspace)
    with acting_as(somebody(workspace, "vera")):
        for n in range(3):
            comments.comment(workspace, row, "x", query=f"q{n}")
        dataset = dataset_of(row.dataset_id)
        assert did(activity(workspace, about=dataset)) == [("a command", "imported a dataset", "tiny")]
        first = activity(workspace, about=experiment_of(row.id), limit=2)
        rest = activity(workspace, about=experiment_of(row.id), before=first[-1].number)
    assert [each.subject for each in (*first, *rest)] == [
        "look: query q2",
        "look: query q1",
        "look: query q0",
        "look",
    ]


def test_it_leads_to_what_is_still_there(workspace: Workspace) -> None:
    row = ended(workspace)
    lifecycle.delete(workspace, row)
    assert [(each.did, each.about) for each in activity(workspace)] == [
        (Deed.DELETED, None),
        (Deed.FINISHED, None),
        (Deed.IMPORTED, About("dataset", str(row.dataset_id))),
    ]


def test_judging_query_after_query_is_one_line(workspace: Workspace) -> None:
    row = ended(workspace)
    with acting_as(somebody(workspace, "judy", Role.JUDGE)):
        for n in (1, 2, 3):
            ratings.judge(workspace, row.dataset_id, "judy", f"q{n}", {f"d{n + 1}": 0})
    (newest, *_) = activity(workspace)
    assert (newest.did, newest.times) == ("judged documents", 3)
    assert newest.subject == "tiny: 1 of the query q3"


def test_merging_goes_on_from_the_oldest() -> None:
    def row(number: int, person: str) -> Happened:
        return Happened(
            number, datetime(2026, 1, number), person, Deed.JUDGED, f"{number}", About("dataset", "1")
        )

    (first, second) = merged([row(5, "ann"), row(4, "ann"), row(3, "bob")])
    assert (first.number, first.times, first.at.day, first.subject) == (4, 2, 5, "5")
    assert (second.number, second.times) == (3, 1)


def test_datasets_and_experiments_leave_their_traces(
    workspace: Workspace, write_dataset: WriteDataset
) -> None:
    spec = submitted(workspace, "tiny")
    change_status(workspace.database, spec.id, "stop", "the budget is spent")
    row = lifecycle.find(workspace, spec.id)
    judgments.edit(workspace, row.dataset_id, {("q1", "d2"): 1})
    catalog.describe(workspace, "tiny", "ten documents", ["small"])
    catalog.import_folder(workspace, write_dataset("other"))
    catalog.rename(workspace, "other", "another")
    catalog.remove(workspace, "another")
    assert did(activity(workspace)) == [
        ("a command", "deleted a dataset", "another"),
        ("a command", "imported a dataset", "other"),
        ("a command", "changed a dataset", "tiny: 1 judgment added"),
        ("the server", "stopped an experiment", "look: the budget is spent"),
        ("a command", "imported a dataset", "tiny"),
    ]
    settings = [each.subject for each in log.entries(workspace, action=Deed.DATASET_SET)]
    assert settings == ["other, now another", "tiny"]


def test_an_import_of_the_same_is_no_news(workspace: Workspace) -> None:
    catalog.import_folder(workspace, Path(catalog.find(workspace, "tiny").source))
    assert [each.did for each in activity(workspace)] == ["imported a dataset"]


def test_it_is_for_those_who_may_see(workspace: Workspace) -> None:
    with acting_as(NOBODY), pytest.raises(ForbiddenError):
        activity(workspace)
