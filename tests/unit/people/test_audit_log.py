"""The audit log: every service that changes something notes it, once, with nothing secret in it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import evaluator
from evaluator.analysis.export import export_file
from evaluator.domain.access import Action, Role
from evaluator.domain.teamwork.deeds import Deed
from evaluator.experiments import lifecycle
from evaluator.library import catalog
from evaluator.library.download import export_beir
from evaluator.operations.backup.writing import prepare
from evaluator.people import log
from evaluator.report.page import report
from evaluator.workspace.acting import acting_as
from evaluator.workspace.workspace import Workspace
from tests.unit.teamwork_instance import ended, somebody

NOT_NOTED = {
    "evaluator.inspection.ask.ask": "it is a look, and keeps nothing",
    "evaluator.uploads.uploads.create": "until it is stored, an upload is only its owner's",
    "evaluator.uploads.uploads.receive": "likewise",
    "evaluator.uploads.uploads.recognise": "likewise",
    "evaluator.uploads.uploads.fetch": "likewise",
    "evaluator.uploads.uploads.check": "likewise",
    "evaluator.uploads.uploads.state": "it only reads",
    "evaluator.uploads.uploads.discard": "an upload is only its owner's",
    "evaluator.uploads.uploads.open_uploads": "it only reads",
    "evaluator.operations.dead_letters.dead_letters": "it only reads",
    "evaluator.operations.vector_storage.vectors": "it only reads",
    "evaluator.people.accounts.members": "it only reads",
    "evaluator.people.accounts.open_invitations": "it only reads",
    "evaluator.people.log.entries": "it only reads",
    "evaluator.people.log.people_and_actions": "it only reads",
}
"""Services that declare an action and note nothing, and why."""


def services() -> Iterator[tuple[str, Any]]:
    """Every service that declares the action that it takes, by its name."""
    for module in pkgutil.walk_packages(evaluator.__path__, "evaluator."):
        if module.name.split(".")[1] in ("cli", "ui", "__main__") or module.name.endswith("__main__"):
            continue
        for name, found in vars(importlib.import_module(module.name)).items():
            is_of_module = getattr(found, "__module__", None) == module.name
            if is_of_module and isinstance(getattr(found, "action", None), Action):
                yield f"{module.name}.{name}", found


def test_every_service_that_declares_an_action_notes_it() -> None:
    """It calls `note`, or a function of its module or of the catalog that does; or it has a reason here."""
    noting = ("note(", "noted_import(", "note_change(", "_noted_settings(", "_begin(", "note_of(")
    silent = {
        name for name, service in services() if not any(word in inspect.getsource(service) for word in noting)
    }
    assert silent == set(NOT_NOTED)


def test_what_is_taken_away_is_noted(workspace: Workspace, tmp_path: Path) -> None:
    row = ended(workspace)
    with acting_as(somebody(workspace, "vera", Role.VIEWER)):
        report(workspace, row)
        export_file(workspace, row, "csv", tmp_path)
        export_beir(workspace, catalog.find(workspace, "tiny"), tmp_path / "tiny.zip")
    for _ in prepare(workspace).chunks():
        pass
    lifecycle.delete(workspace, row)
    assert [(each.person, each.action, each.subject) for each in log.entries(workspace, limit=5)] == [
        ("a command", "deleted an experiment", "look"),
        ("a command", "downloaded a backup", ""),
        ("vera", "downloaded a dataset", "tiny"),
        ("vera", "exported results", "look as csv"),
        ("vera", "downloaded a report", "look"),
    ]


def test_it_is_filtered_by_person_action_and_time(workspace: Workspace) -> None:
    row = ended(workspace)
    with acting_as(somebody(workspace, "vera")):
        report(workspace, row)
    (mine,) = log.entries(workspace, person="vera")
    assert (mine.action, mine.project, mine.kind, mine.target) == (
        Deed.REPORTED,
        "main",
        "experiment",
        row.id,
    )
    assert log.entries(workspace, action=Deed.REPORTED) == [mine]
    assert log.entries(workspace, person="vera", action=Deed.DELETED) == []
    later = mine.done_at + timedelta(seconds=1)
    assert log.entries(workspace, since=later) == []
    assert mine in log.entries(workspace, since=mine.done_at, until=later)
    assert mine not in log.entries(workspace, until=mine.done_at)
    people, actions = log.people_and_actions(workspace)
    assert people == ["a command", "the server", "vera"]
    assert Deed.REPORTED in actions


def test_a_line_of_the_log_is_one_line_and_not_long(workspace: Workspace) -> None:
    log.note(workspace, "did", "a\nb\x1b[2J" + "x" * 1000)
    (entry, *_) = log.entries(workspace)
    assert "\n" not in entry.subject
    assert "\x1b" not in entry.subject
    assert len(entry.subject) == 300
