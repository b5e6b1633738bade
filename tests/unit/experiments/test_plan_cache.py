"""Plans while somebody chooses: remembered, and never waited for long."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pytest

from evaluator.domain.experiment import Experiment
from evaluator.domain.variant import BM25, Retrieve, Variant
from evaluator.errors import LookingUpError, UnknownNameError
from evaluator.experiments import plan_cache as module
from evaluator.experiments.plan import Plan
from evaluator.experiments.plan_cache import planner
from evaluator.library import catalog
from evaluator.workspace.workspace import Workspace
from tests.conftest import WriteDataset

WORDS = Experiment("look", "tiny", (Variant("bm25", Retrieve(bm25=BM25())),))


def test_a_plan_is_remembered_for_a_moment(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    first = planner(workspace).look(WORDS)
    assert first is not None
    assert first.variants == ("bm25",)
    assert planner(workspace).look(WORDS) is first
    monkeypatch.setattr(module, "FRESH", 0.0)
    again = planner(workspace).look(WORDS)
    assert again == first
    assert again is not first


def test_an_error_is_raised_each_time(workspace: Workspace) -> None:
    gone = replace(WORDS, dataset="gone")
    for _ in range(2):
        with pytest.raises(UnknownNameError, match="no dataset is called 'gone'"):
            planner(workspace).look(gone)


def test_what_takes_long_is_not_waited_for(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def slow(*_: object, **__: object) -> Plan:
        release.wait(10)
        raise UnknownNameError("found nothing")

    monkeypatch.setattr(module, "plan", slow)
    assert planner(workspace).look(WORDS, patience=0.01) is None
    assert planner(workspace).look(WORDS, patience=0.01) is None
    release.set()
    with pytest.raises(UnknownNameError, match="found nothing"):
        planner(workspace).look(WORDS, patience=10)


def test_only_so_many_plans_are_remembered(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "REMEMBERED", 1)
    first = planner(workspace).look(WORDS)
    planner(workspace).look(replace(WORDS, name="other"))
    assert planner(workspace).look(WORDS) is not first


def test_a_dataset_that_was_imported_since_is_known_at_once(
    workspace: Workspace, write_dataset: WriteDataset
) -> None:
    """Also one that was: the plan is of the version that the name stands for now."""
    new = replace(WORDS, dataset="new")
    with pytest.raises(UnknownNameError):
        planner(workspace).look(new)
    catalog.import_folder(workspace, write_dataset("new"))
    first = planner(workspace).look(new)
    assert first is not None
    catalog.import_folder(workspace, write_dataset("more", queries=["only one"], qrels={0: {0: 1}}), "new")
    second = planner(workspace).look(new)
    assert second is not None
    assert (first.to_evaluate, second.to_evaluate) == (10, 1)


def test_a_plan_that_waits_for_the_hub_keeps_no_thread(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, each of them had a thread until the hub answered, and a memory of its own of what it does not have."""
    answers: list[Future[Any]] = [Future(), Future()]
    planned: list[Future[Any]] = []

    def waiting(*_: object, hub_patience: float | None) -> Plan:
        assert hub_patience is not None
        planned.append(answers[len(planned)])
        raise LookingUpError("still being looked up", planned[-1])

    monkeypatch.setattr(module, "plan", waiting)
    for _ in range(3):
        assert planner(workspace).look(WORDS) is None
    assert len(planned) == 1
    assert not any(thread.name == "plan" for thread in threading.enumerate())
    answers[0].set_result(None)
    assert planner(workspace).look(WORDS) is None
    assert len(planned) == 2
