"""Scores over time: what is compared with what, and what is flagged."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from evaluator.analysis.history import History, history
from evaluator.domain.endpoint import Endpoint
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.records import ExperimentRow
from evaluator.domain.statistics.paired import paired_test
from evaluator.domain.statistics.significance import holm
from evaluator.domain.variant import LanguageModel, Rerank
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.experiments import lifecycle
from evaluator.experiments.file_reader import parse_experiment
from evaluator.judging.judgments import edit
from evaluator.library import catalog
from evaluator.store import experiments
from evaluator.workspace.workspace import Workspace
from tests.conftest import TOPICS, WriteDataset
from tests.recorded import dataset_id
from tests.unit.finished import described
from tests.unit.made_scores import FAILED, WAITING, made

GOOD = [0.9, 0.8, 0.9, 0.7, 0.8, 0.9, 0.8, 0.7, 0.9, 0.8]
WORSE = [0.5, 0.4, 0.6, 0.3, 0.4, 0.5, 0.5, 0.3, 0.4, 0.5]


def outcomes(timeline: History) -> list[tuple[str, int, str]]:
    """Variant, version and outcome of every point, the oldest first."""
    return [
        (point.variant, point.version, point.step.outcome if point.step else "first")
        for point in timeline.points
    ]


def new_documents(workspace: Workspace, write_dataset: WriteDataset, name: str = "more") -> None:
    """Give the dataset `tiny` a version with another document."""
    folder = write_dataset(name, documents=[*TOPICS, f"one more: {name}"])
    catalog.import_folder(workspace, folder, name="tiny")


def test_worse_over_other_documents_is_a_regression(
    workspace: Workspace, write_dataset: WriteDataset
) -> None:
    first = made(workspace, {"bm25": GOOD, "other": WORSE})
    new_documents(workspace, write_dataset)
    second = made(workspace, {"bm25": WORSE, "other": WORSE})
    timeline = history(workspace, "tiny")
    assert (timeline.measure, timeline.measures) == ("nDCG@10", ("nDCG@10", "RR@10"))
    assert outcomes(timeline) == [
        ("bm25", 1, "first"), ("other", 1, "first"), ("bm25", 2, "regression"), ("other", 2, "not separable"),
    ]  # fmt: skip
    (worse,) = timeline.regressions
    assert worse.experiment.id == second.id
    assert worse.step is not None
    assert (worse.step.before, worse.step.changed, worse.step.n) == (first.id, ("documents",), 10)
    assert worse.step.difference == pytest.approx(np.mean(WORSE) - np.mean(GOOD))
    # All ten differ, all the same way: 2 of 2^10 sign flips reach that. Two variants: Holm doubles the smaller.
    p = paired_test(np.array(WORSE), np.array(GOOD)).p_randomization
    assert worse.step.p == p == 2 / 2**10
    assert worse.step.corrected == holm([p, 1.0])[0]


def test_better_is_no_regression(workspace: Workspace, write_dataset: WriteDataset) -> None:
    made(workspace, {"bm25": WORSE})
    new_documents(workspace, write_dataset)
    made(workspace, {"bm25": GOOD})
    timeline = history(workspace, "tiny")
    assert outcomes(timeline) == [("bm25", 1, "first"), ("bm25", 2, "improvement")]
    assert timeline.regressions == ()


def test_a_point_is_what_the_leaderboard_says(workspace: Workspace) -> None:
    made(workspace, {"bm25": GOOD})
    (point,) = history(workspace, "tiny").points
    assert point.score == pytest.approx(0.82)
    assert point.compared == 10
    assert point.low is not None
    assert point.low < 0.82


def test_rescored_experiments_follow_the_judgments(workspace: Workspace) -> None:
    made(workspace, {"bm25": GOOD})
    edit(workspace, dataset_id(workspace, "tiny"), {("q0", "d3"): 1})
    last = history(workspace, "tiny").points[-1]
    assert last.version == 2
    assert last.step is not None
    assert last.step.changed == ("judgments",)


def test_where_nothing_changed_there_is_no_point(workspace: Workspace) -> None:
    made(workspace, {"bm25": GOOD}, name="one")
    made(workspace, {"bm25": GOOD, "other": WORSE}, name="two")  # the same pipeline, the same scores
    assert outcomes(history(workspace, "tiny")) == [("bm25", 1, "first"), ("other", 1, "first")]


def test_other_scores_although_nothing_changed_are_a_point(workspace: Workspace) -> None:
    made(workspace, {"bm25": GOOD}, name="one machine")
    made(workspace, {"bm25": WORSE}, name="another")
    first, second = history(workspace, "tiny").points
    assert first.step is None
    assert second.step is not None
    assert (second.step.changed, second.step.outcome) == ((), "regression")


def test_a_variant_is_compared_with_itself_rather_than_with_a_namesake(
    workspace: Workspace, write_dataset: WriteDataset
) -> None:
    # `made` gives the second variant another k1, so "x" stands for two pipelines in turn.
    first = made(workspace, {"x": GOOD, "y": GOOD}, name="one")
    made(workspace, {"y": GOOD, "x": WORSE}, name="two")
    new_documents(workspace, write_dataset)
    made(workspace, {"x": WORSE, "y": GOOD}, name="one")
    points = [point for point in history(workspace, "tiny").points if point.variant == "x"]
    assert [point.step.changed if point.step else None for point in points] == [
        None,
        ("pipeline",),
        ("documents",),
    ]
    assert points[2].step is not None
    assert points[2].step.before == first.id


def with_model(workspace: Workspace, experiment: ExperimentRow, model: str) -> None:
    """Give an experiment's variants a model, as far as its description goes."""
    spec = dataclasses.replace(
        experiment.spec,
        variants=tuple(
            dataclasses.replace(variant, rerank=(Rerank(llm=LanguageModel("judge")),))
            for variant in experiment.spec.variants
        ),
        endpoints={"judge": Endpoint("judge", "http://localhost", model)},
    )
    describe(workspace, experiment, spec)


def describe(workspace: Workspace, experiment: ExperimentRow, spec: ExperimentSpec) -> None:
    with workspace.database.transaction() as cursor:
        cursor.execute(
            "UPDATE experiments SET spec = ? WHERE id = ?", [json.dumps(spec.to_json()), experiment.id]
        )


def test_another_model_is_a_step_and_the_first_again_another(workspace: Workspace) -> None:
    old, new = made(workspace, {"x": GOOD}, name="old"), made(workspace, {"x": WORSE}, name="new")
    with_model(workspace, old, "model-1")
    with_model(workspace, new, "model-2")
    timeline = history(workspace, "tiny")
    assert [point.step.changed if point.step else None for point in timeline.points] == [None, ("model",)]
    assert timeline.standing == timeline.regressions != ()

    experiments.note_submission(workspace.database, new.id)  # asked for twice in a row: nothing happened
    assert outcomes(history(workspace, "tiny")) == outcomes(timeline)
    experiments.note_submission(workspace.database, old.id)  # back to the first
    timeline = history(workspace, "tiny")
    assert [outcome for _, _, outcome in outcomes(timeline)] == ["first", "regression", "improvement"]
    assert timeline.standing == ()


def test_experiments_beside_each_other_are_each_followed_when_judgments_change(workspace: Workspace) -> None:
    with_model(workspace, made(workspace, {"x": WORSE}, name="old"), "model-1")
    with_model(workspace, made(workspace, {"x": GOOD}, name="new"), "model-2")
    edit(workspace, dataset_id(workspace, "tiny"), {("q0", "d3"): 1})
    points = history(workspace, "tiny").points
    assert [point.step.changed if point.step else None for point in points] == [
        None, ("model",), ("judgments",), ("judgments",),
    ]  # fmt: skip


def test_asking_again_for_what_is_whole_is_noted(workspace: Workspace) -> None:
    first = made(workspace, {"x": GOOD}, name="first")
    made(workspace, {"x": WORSE}, name="second")
    again = parse_experiment(described("tiny", ["x"], "first"))
    assert lifecycle.completed(workspace, again) is not None
    query_texts = [
        row.name for _, row in experiments.submissions(workspace.database, dataset_id(workspace, "tiny"))
    ]
    assert query_texts == [first.name, "second", first.name]


def test_only_queries_that_ask_the_same_are_compared(
    workspace: Workspace, write_dataset: WriteDataset
) -> None:
    made(workspace, {"bm25": [*GOOD[:9], FAILED]})
    query_texts = [" ".join(topic.split()[:3]) for topic in TOPICS]
    folder = write_dataset("reworded", queries=["something else", *query_texts[1:]])
    catalog.import_folder(workspace, folder, name="tiny")
    made(workspace, {"bm25": GOOD})
    last = history(workspace, "tiny").points[-1].step
    assert last is not None
    assert (last.changed, last.n) == (("queries",), 8)  # not q0, which was reworded, and not q9, which failed


def test_scores_under_different_policies_are_not_compared(workspace: Workspace) -> None:
    made(workspace, {"bm25": GOOD}, name="old")
    new = made(workspace, {"bm25": WORSE}, name="new")
    under_policy(workspace, new, 99)
    last = history(workspace, "tiny").points[-1].step
    assert last is not None
    assert (last.changed, last.difference, last.outcome) == (("policy",), None, "not compared")


def under_policy(workspace: Workspace, experiment: ExperimentRow, policy: int) -> None:
    describe(workspace, experiment, dataclasses.replace(experiment.spec, policy=policy))


def test_what_did_not_finish_is_left_out(workspace: Workspace) -> None:
    made(workspace, {"bm25": [*GOOD[:9], WAITING]}, name="running")
    timeline = history(workspace, "tiny")
    assert (timeline.points, timeline.measures, timeline.left_out) == ((), (), 1)


def test_unknown_names(workspace: Workspace) -> None:
    made(workspace, {"bm25": GOOD})
    with pytest.raises(UnknownNameError, match="no dataset is called 'gone'"):
        history(workspace, "gone")
    with pytest.raises(UnknownNameError, match="computed AP@5; they computed nDCG@10, RR@10"):
        history(workspace, "tiny", "AP@5")
    with pytest.raises(InvalidInputError):
        history(workspace, "tiny", "nonsense")
