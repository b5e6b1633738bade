"""The stages of an experiment's jobs: the one table of what each of them is, and what the ids of its jobs say.

A stage has the name of its task, the function in `evaluator.jobs.tasks`, and the id of a job begins with that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from rq.exceptions import DeserializationError
from rq.job import Job

from evaluator.settings import QueueName

StageName = Literal[
    "prepare", "cut", "plan", "encode", "gather", "index", "search", "dispatch", "evaluate", "measure", "ask"
]
FailureRecord = Literal["query", "failure", "measured"]
"""Kinds of records (`evaluator.domain.result`) that say that a job failed."""

EVALUATIONS_PER_TURN: Final = 8
"""Batches of queries that count as much as one shard to encode: they take about as long."""


class Turn(NamedTuple):
    """How the waiting jobs of a stage take turns.

    Attributes:
        group: Lua pattern of the beginning of an id, up to a hyphen; jobs for which it is the same are a group. Jobs
            that do not match it come before all groups.
        jobs: that a group may run in its turn.
    """

    group: str
    jobs: int


@dataclass(frozen=True)
class JobStage:
    """A stage of an experiment's jobs.

    Attributes:
        arguments: names of the task's arguments.
        id_parts: what the id of a job says after the stage's name.
        words: what a job does, for people, with its arguments in braces.
        queue: where its jobs wait; what needs a model is in `encode` (ADR 0013).
        final: whether its jobs belong to one experiment alone; all others serve these.
        waits: whether its jobs wait for other jobs. Those of `evaluate` and `ask` do not, and are most of the queue.
        planned: whether an experiment that is planned again gets the job again.
        frees_many: whether many jobs wait for one of its jobs.
        turn: None where jobs are few or quick, and others wait for them: they come first.
        failure: the record that says that a job failed; None where jobs that wait for it say so, or RQ's own result.
    """

    name: StageName
    arguments: tuple[str, ...]
    id_parts: tuple[str, ...]
    words: str
    queue: QueueName = "evaluate"
    final: bool = False
    waits: bool = True
    planned: bool = True
    frees_many: bool = False
    turn: Turn | None = None
    failure: FailureRecord | None = None


_STAGES = (
    JobStage(
        "prepare",
        arguments=("experiment", "encoder"),
        id_parts=("weights",),
        words="distil {encoder}",
        queue="encode",
    ),
    JobStage(
        "cut",
        arguments=("experiment", "variant", "place"),
        id_parts=("passages",),
        words="cut the documents into passages for {variant} of {experiment}",
    ),
    JobStage(
        "plan",
        arguments=("experiment", "variant", "batch_size"),
        id_parts=("experiment", "position"),
        words="plan {variant} of {experiment}",
        final=True,
        failure="failure",
    ),
    JobStage(
        "encode",
        arguments=("experiment", "encoder", "role", "plan", "number"),
        id_parts=("encoder", "role", "plan", "number"),
        words="encode {role}, shard {number}, with {encoder}",
        queue="encode",
        # The documents of one plan are a group. Queries are few.
        turn=Turn(group="encode%-%x+%-document%-.*", jobs=1),
    ),
    JobStage(
        "gather",
        arguments=("experiment",),
        id_parts=("jobs",),
        words="wait for a group of jobs of {experiment}",
    ),
    JobStage(
        "index",
        arguments=("experiment", "variant", "place"),
        id_parts=("artifacts",),
        words="build an index for {variant} of {experiment}",
        frees_many=True,
    ),
    JobStage(
        "search",
        arguments=("experiment", "place", "shard"),
        id_parts=("experiment", "place", "shard"),
        words="search queries, shard {shard}, for variants of {experiment} that share it",
        turn=Turn(group="search%-%x+", jobs=EVALUATIONS_PER_TURN),
    ),
    JobStage(
        "dispatch",
        arguments=("experiment", "variant", "batch_size"),
        id_parts=("experiment", "position"),
        words="hand out the queries of {variant} of {experiment}",
        final=True,
        failure="failure",
    ),
    JobStage(
        "evaluate",
        arguments=("experiment", "variant", "query_ids"),
        id_parts=("experiment", "position", "queries"),
        words="evaluate {query_ids} with {variant} of {experiment}",
        final=True,
        waits=False,
        turn=Turn(group="evaluate%-%x+", jobs=EVALUATIONS_PER_TURN),
        failure="query",
    ),
    JobStage(
        "measure",
        arguments=("experiment", "variant"),
        id_parts=("experiment", "position"),
        words="measure {variant} of {experiment}",
        queue="encode",
        final=True,
        planned=False,
        failure="measured",
    ),
    JobStage(
        "ask",
        arguments=("experiment", "variant", "text"),
        id_parts=("question",),  # without the experiment's id: a question keeps no experiment running
        words="answer a query with {variant} of {experiment}",
        queue="encode",
        final=True,
        waits=False,
        planned=False,
    ),
)

STAGES: Final[Mapping[str, JobStage]] = {stage.name: stage for stage in _STAGES}
"""By name. A job of a newer version may have a stage that is not in it."""


@dataclass(frozen=True)
class JobId:
    """What the id of a job says: its stage, and the parts behind it by name."""

    stage: JobStage
    parts: Mapping[str, str]

    @property
    def experiment(self) -> str | None:
        """The experiment that the job is for; None if it may serve several, or its id does not say."""
        return self.parts.get("experiment")

    def belongs_to(self, experiment: str) -> bool:
        """Whether the job is for this experiment alone."""
        return self.stage.final and self.experiment == experiment


def job_id(stage: StageName, *parts: str | int) -> str:
    """A deterministic id: the same work has the same id, so it is never queued twice.

    Raises:
        ValueError: the ids of this stage have other parts.
    """
    expected = STAGES[stage].id_parts
    if len(parts) != len(expected):
        raise ValueError(f"the id of a job to {stage} has {len(expected)} parts {expected}, not {parts}")
    return "-".join((stage, *map(str, parts)))


def parse_id(id_: str) -> JobId | None:
    """What an id from `job_id` says, such as `evaluate-ab12-0-9f`; None if its stage is unknown."""
    name, _, rest = id_.partition("-")
    stage = STAGES.get(name)
    if stage is None:
        return None
    parts = rest.split("-", len(stage.id_parts) - 1)
    return JobId(stage, dict(zip(stage.id_parts, parts, strict=False)))


def queue_of(id_: str) -> QueueName:
    """The queue that a job belongs to, by its id."""
    parsed = parse_id(id_)
    return "evaluate" if parsed is None else parsed.stage.queue


def task_name(job: Job) -> str:
    """The name of the function that a job calls, without its module.

    Raises:
        DeserializationError: the job cannot be read.
    """
    return str(job.func_name.rsplit(".", 1)[-1])


def log_fields(job: Job) -> dict[str, str]:
    """What the log lines of a running job are about: its id, its experiment, and its variant if it has one."""
    try:
        name, args = task_name(job), job.args
    except DeserializationError:  # whoever runs the job reports that
        return {"job": str(job.id)}
    stage = STAGES.get(name)
    arguments = dict(zip(stage.arguments if stage else ("experiment",), args, strict=False))
    return {
        "job": str(job.id),
        **{field: str(arguments[field]) for field in ("experiment", "variant") if field in arguments},
    }
