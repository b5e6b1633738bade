"""The table of stages agrees with the tasks, and ids of jobs say what was put into them."""

from __future__ import annotations

import inspect
import string
from typing import Any, get_args

import pytest
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

from evaluator.jobs import tasks
from evaluator.jobs.queue import TASKS, job_data
from evaluator.jobs.stages import STAGES, StageName, job_id, log_fields, parse_id, queue_of
from evaluator.settings import Settings

ENTRY_POINTS = {
    name: [parameter.lstrip("_") for parameter in inspect.signature(task).parameters]
    for name, task in inspect.getmembers(tasks, inspect.isfunction)
    if task.__module__ == TASKS and next(iter(inspect.signature(task).parameters), "").endswith("experiment")
}


def job(task: str, *args: Any) -> Job:
    """A job as the queue hands it to a worker; nothing is sent."""
    described = job_data(Settings(), task, args, f"{task}-x")
    return Job.create(
        described.func,
        args=described.args,
        id=described.job_id,
        connection=Redis(),
        serializer=JSONSerializer,
    )


def test_every_task_has_a_stage_and_every_stage_a_task_with_these_arguments() -> None:
    assert {name: list(stage.arguments) for name, stage in STAGES.items()} == ENTRY_POINTS
    assert set(STAGES) == set(get_args(StageName))


@pytest.mark.parametrize("stage", STAGES.values(), ids=STAGES)
def test_words_name_arguments_of_the_task(stage: Any) -> None:
    named = {field for _, field, _, _ in string.Formatter().parse(stage.words) if field}
    assert named <= set(stage.arguments)


def test_ids_are_those_that_earlier_versions_gave() -> None:
    """What waits in a queue, and was put there before an update, is known by them."""
    assert job_id("encode", "ab12", "query", "9f", 3) == "encode-ab12-query-9f-3"
    assert job_id("dispatch", "ab12", 0) == "dispatch-ab12-0"
    assert job_id("evaluate", "ab12", 0, "9f") == "evaluate-ab12-0-9f"
    assert job_id("ask", "9f") == "ask-9f"


def test_an_id_with_a_part_too_many_is_refused() -> None:
    with pytest.raises(ValueError, match="dispatch has 2 parts"):
        job_id("dispatch", "ab12", 0, "9f")


def test_an_id_says_what_was_put_into_it() -> None:
    parsed = parse_id("evaluate-ab12-0-9f")
    assert parsed is not None
    assert parsed.stage is STAGES["evaluate"]
    assert parsed.parts == {"experiment": "ab12", "position": "0", "queries": "9f"}
    assert parsed.experiment == "ab12"
    assert parsed.belongs_to("ab12")
    assert not parsed.belongs_to("cd34")


@pytest.mark.parametrize(
    ("id_", "experiment", "alone"),
    [
        ("search-ab12-0-3", "ab12", False),  # it serves variants, and goes when none of them needs it
        ("index-ab12", None, False),
        ("ask-ab12", None, False),
        ("measure-ab12-0", "ab12", True),
    ],
)
def test_which_experiment_a_job_is_for(id_: str, experiment: str | None, alone: bool) -> None:
    parsed = parse_id(id_)
    assert parsed is not None
    assert parsed.experiment == experiment
    assert parsed.belongs_to("ab12") is alone


def test_a_job_of_an_unknown_stage_waits_with_the_evaluations() -> None:
    assert parse_id("hello-1") is None
    assert queue_of("hello-1") == "evaluate"
    assert queue_of("prepared-1") == "evaluate"


class TestLogFields:
    @pytest.mark.parametrize(
        ("made", "about"),
        [
            (("evaluate", "e1", "bm25", ["q1"]), {"experiment": "e1", "variant": "bm25"}),
            (("dispatch", "e1", "bm25", 16), {"experiment": "e1", "variant": "bm25"}),
            (("encode", "e1", "minilm|float32", "document", "p", 0), {"experiment": "e1"}),
            (("gather", "e1"), {"experiment": "e1"}),
            (("of_a_newer_version", "e1", "?"), {"experiment": "e1"}),
        ],
    )
    def test_say_id_experiment_and_variant(self, made: tuple[Any, ...], about: dict[str, str]) -> None:
        assert log_fields(job(*made)) == {"job": f"{made[0]}-x", **about}

    def test_of_a_job_that_cannot_be_read_say_its_id(self) -> None:
        unreadable = Job("j1", connection=Redis(), serializer=JSONSerializer)
        unreadable.data = b"no JSON"
        assert log_fields(unreadable) == {"job": "j1"}
