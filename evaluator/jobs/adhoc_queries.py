"""Questions: queries that are not the dataset's, each answered by a job whose result is the ranked list.

Workers answer, because they have the models loaded (the server never imports them), and the job waits in the queue
`encode`, because it needs a model. Jobs carry no other texts (ADR 0005); a question is short, somebody waits for its
answer, and both are dropped together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from redis import Redis
from rq.exceptions import NoSuchJobError
from rq.job import Job, JobStatus
from rq.results import Result
from rq.serializers import JSONSerializer

from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.ranking import Ranking
from evaluator.jobs.queue import LIVE, enqueue, job_data
from evaluator.jobs.stages import job_id
from evaluator.settings import Settings

ANSWER_TTL = 600
"""Seconds that an answer is kept, or the reason why there is none."""

State = Literal["unasked", "waiting", "answered", "failed"]


class Answer(NamedTuple):
    """What became of a question.

    Attributes:
        ranking, seconds: the list and how long it took, encoding included, once it is answered.
        error: why it failed.
    """

    state: State
    ranking: Ranking | None = None
    seconds: float = 0.0
    error: str | None = None


def ask_id(experiment: str, variant: str, text: str) -> str:
    """The job of a question. The experiment's id is no part of it: a question keeps no experiment running."""
    return job_id("ask", fingerprint([experiment, variant, text]))


def enqueue_questions(
    connection: Redis, spec: ExperimentSpec, variants: Sequence[str], text: str, settings: Settings
) -> list[str]:
    """Ask some variants, ahead of all waiting jobs; returns the ids of new jobs. Each job is tried once."""
    jobs: list[Any] = []
    for variant in variants:
        data = job_data(
            settings, "ask", (spec.id, variant, text), ask_id(spec.id, variant, text), at_front=True
        )
        jobs.append(data._replace(retry=None, result_ttl=ANSWER_TTL, failure_ttl=ANSWER_TTL))
    return enqueue(connection, jobs)


def answer(connection: Redis, experiment: str, variant: str, text: str) -> Answer:
    """What became of a question."""
    try:
        job = Job.fetch(ask_id(experiment, variant, text), connection=connection, serializer=JSONSerializer)
    except NoSuchJobError:
        return Answer("unasked")
    status = job.get_status(refresh=False)
    if status in LIVE:
        return Answer("waiting")
    result = job.latest_result()
    if status != JobStatus.FINISHED or result is None or result.type != Result.Type.SUCCESSFUL:
        return Answer("failed", error=str(job.meta.get("error") or "the worker stopped before it answered"))
    value = result.return_value
    return Answer("answered", Ranking(tuple(value["doc_ids"]), tuple(value["scores"])), value["seconds"])
