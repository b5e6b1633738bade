"""What workers do, one function a stage: cut -> plan, where documents are cut into passages, then
prepare -> encode -> index -> search (for whatever several variants share) -> dispatch -> evaluate.

Every task is idempotent: it writes immutable artifacts, or rows that are keyed. Every failure ends up in the
results stream as one record a person can read.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any

from redis import Redis
from rq import get_current_job
from rq.exceptions import AbandonedJobError
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.timeouts import BaseTimeoutException

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.fingerprint import fingerprint
from evaluator.domain.measures.scoring import score_queries
from evaluator.domain.ranking import Ranking
from evaluator.domain.result import QueryResult, VariantFailure, VariantMeasured
from evaluator.domain.variant import Stage
from evaluator.errors import (
    PERMANENT_ERRORS,
    ArtifactLostError,
    ArtifactMissingError,
    BudgetReachedError,
    DatasetDamagedError,
    DependencyCancelledError,
    EvaluatorError,
    JobCancelled,
    QueriesFailedError,
    StageFailedError,
)
from evaluator.jobs.cancellation import is_cancelled
from evaluator.jobs.context import WorkerContext, current
from evaluator.jobs.limits import RedisGate
from evaluator.jobs.measurement import measure_variant
from evaluator.jobs.pending import read_pending
from evaluator.jobs.queue import RETRIES, enqueue, job_data
from evaluator.jobs.rebuilding import over_indexes, rebuild
from evaluator.jobs.results.stream import ResultStream
from evaluator.jobs.stages import STAGES, job_id, task_name
from evaluator.jobs.submission import Submission
from evaluator.retrieval.candidates import Candidates
from evaluator.retrieval.encoders.protocol import Role
from evaluator.retrieval.pipeline import Opening, Retriever, open_search, open_variant
from evaluator.retrieval.search.indexes import Sources, build_index, index_names
from evaluator.retrieval.search.queries import LiveQueries, StoredQueries
from evaluator.retrieval.texts.passages import build_passages
from evaluator.retrieval.vectors.encoding import Shard, encode_shard
from evaluator.urls import without_secrets

CANCELLED = "cancelled"
"""In a job's meta: the job was cancelled while it ran, or an artifact that it reads is lost and must be made again, or
a job that it waited for ended like that. It leaves no record; whoever still needs it plans it again (ADR 0012)."""

ENDS_ALL = (BaseTimeoutException, BudgetReachedError, ArtifactMissingError, DatasetDamagedError)
"""Errors that concern all queries: the job's time is up (which is raised only once), the budget is spent, or an
artifact that all queries read is missing or damaged."""


def prepare(experiment: str, encoder: str) -> None:
    """Distil an encoder, which is done once."""
    from evaluator.retrieval.encoders.sentence_transformer import distill  # noqa: PLC0415  imports torch

    context = current()
    distill(context.spec(experiment).encoders[encoder], context.store)


def cut(experiment: str, variant: str, place: int) -> None:
    """Cut a corpus into the passages that one stage of a variant needs."""
    context = current()
    require_dependencies()
    sources = context.sources(experiment)
    needed = sources.cut(stage_of(sources.spec, variant, place))
    if needed is not None:
        chunk, encoder, _ = needed
        build_passages(chunk, encoder, sources.dataset, context.store)


def plan(experiment: str, variant: str, batch_size: int) -> int:
    """Once a variant's passages are cut, enqueue the rest of its jobs; returns how many."""
    context = current()
    job = running_job()
    if is_cancelled(job.connection, experiment):
        return 0
    require_dependencies()
    sources = context.sources(experiment)
    submission = Submission(sources.spec, sources.dataset, context.store, context.settings)
    return submission.send_planned(job.connection, variant, batch_size).jobs


def encode(experiment: str, encoder: str, role: Role, plan: str, number: int) -> None:
    """Encode one shard of texts and store its vectors."""
    context = current()
    require_dependencies()
    spec = context.spec(experiment).encoders[encoder]
    gate = RedisGate(running_job().connection, experiment)
    encode_shard(spec, role, Shard(plan, number), context.model(spec, gate), context.store)


def gather(_experiment: str) -> None:
    """Stand for many jobs, so that no job waits for thousands; fails if one of them failed."""
    require_dependencies()


def index(experiment: str, variant: str, place: int) -> None:
    """Build what one stage of a variant reads: a BM25 index, the matrices of vectors, texts."""
    sources = current().sources(experiment)
    require_dependencies()
    build_index(stage_of(sources.spec, variant, place), sources)


def search(experiment: str, place: int, shard: int) -> None:
    """Search some queries once for all variants that share a retriever.

    A query that fails is left out: it fails again when it is evaluated, and that failure is recorded.

    Args:
        place: of the search among the experiment's shared ones.
        shard: which queries.
    """
    context, job = current(), running_job()
    candidates = Candidates(experiment, context.store)
    if is_cancelled(job.connection, experiment) or candidates.size is None:
        return
    sources = context.sources(experiment)
    spec, dataset = sources.spec, sources.dataset
    shared = spec.searches.all[place]
    require_indexes(shared.retrieve.leaves(), sources)
    retriever = open_search(shared.retrieve, _opening(context, sources, candidates, job))
    query_ids = [dataset.queries[row].query_id for row in candidates.rows_of(shard, len(dataset.queries))]
    started = time.perf_counter()
    rankings, _ = search_each(retriever, dataset, shared.depth, query_ids)
    seconds = time.perf_counter() - started + candidates.seconds
    lists = {dataset.query_rows[query_id]: ranking for query_id, ranking in rankings.items()}
    candidates.write(shared, shard, lists, seconds / len(query_ids))


def dispatch(experiment: str, variant: str, batch_size: int) -> int:
    """Once a variant's indexes are there, enqueue its queries in batches; returns how many queries.

    Raises:
        ArtifactLostError: the list of its queries is gone; the experiment is planned again.
    """
    context = current()
    job = running_job()
    if is_cancelled(job.connection, experiment):
        return 0
    sources = context.sources(experiment)
    spec = sources.spec
    require_indexes(spec.variant(variant).stages(), sources)
    waiting = read_pending(job.connection, experiment, variant)
    if not waiting:  # a dispatch job is only enqueued for some queries
        raise ArtifactLostError("the list of its queries is gone from the queue, or another version wrote it")
    batches = [waiting[start : start + batch_size] for start in range(0, len(waiting), batch_size)]
    enqueue(
        job.connection,
        [
            job_data(
                context.settings,
                "evaluate",
                (experiment, variant, batch),
                job_id("evaluate", experiment, spec.position(variant), fingerprint(batch)),
            )
            for batch in batches
        ],
    )
    return len(waiting)


def evaluate(experiment: str, variant: str, query_ids: Sequence[str]) -> None:
    """Retrieve and score a batch of queries; each query becomes one entry of the results stream.

    Raises:
        QueriesFailedError: some queries raised. The others are in the stream, and are not evaluated again.
    """
    context = current()
    job = running_job()
    if is_cancelled(job.connection, experiment):
        return
    sources = context.sources(experiment)
    spec, dataset = sources.spec, sources.dataset
    handed_over = set(job.meta.get("handed_over", ()))
    remaining = [query_id for query_id in query_ids if query_id not in handed_over]

    def searched() -> tuple[dict[str, Ranking], dict[str, str], float]:
        candidates = Candidates(experiment, context.store)
        retriever = open_variant(spec.variant(variant), _opening(context, sources, candidates, job))
        started = time.perf_counter()
        found, failed = search_each(retriever, dataset, spec.depth, remaining)
        return found, failed, time.perf_counter() - started + candidates.seconds

    rankings, failures, seconds = over_indexes(spec.variant(variant).stages(), sources, searched)
    seconds /= max(len(remaining), 1)
    measures = score_queries(rankings, dataset.qrels, spec.measures)
    hand_over(
        job,
        [
            QueryResult(experiment, variant, query_id, ranking, measures[query_id], seconds)
            for query_id, ranking in rankings.items()
        ],
    )
    if failures:
        job.meta["failures"] = failures
        first = next(iter(failures.items()))
        raise QueriesFailedError(
            f"{len(failures)} of {len(query_ids)} queries failed, first {first[0]!r}: {first[1]}"
        )


def _opening(context: WorkerContext, sources: Sources, candidates: Candidates, job: Job) -> Opening:
    """Where the pipeline of the dataset's own queries is opened from."""
    load = context.load(sources.spec, RedisGate(job.connection, job.args[0]))
    queries = StoredQueries(sources.spec, sources.dataset, context.store)
    return Opening(sources, queries, load, context.keep, candidates)


def measure(experiment: str, variant: str) -> None:
    """Measure what an evaluated variant costs, and append the record to the stream."""
    context, job = current(), running_job()
    sources = context.sources(experiment)
    load = context.load(sources.spec, RedisGate(job.connection, experiment))
    chosen = sources.spec.variant(variant)
    cost = over_indexes(
        chosen.stages(),
        sources,
        lambda: measure_variant(chosen, sources, load, context.keep, job.connection),
    )
    ResultStream(job.connection).append([VariantMeasured(experiment, variant, cost)])


def ask(experiment: str, variant: str, text: str) -> dict[str, Any]:
    """Ask a variant a query that is not the dataset's; the ranked list is the job's result."""
    context, job = current(), running_job()
    sources = context.sources(experiment)
    load = context.load(sources.spec, RedisGate(job.connection, experiment))
    chosen = sources.spec.variant(variant)

    def answered() -> tuple[Ranking, float]:
        started = time.perf_counter()
        opening = Opening(sources, LiveQueries([text], load), load, context.keep)
        ranking = open_variant(chosen, opening).search([0], sources.spec.depth)[0]
        return ranking, time.perf_counter() - started

    ranking, seconds = over_indexes(chosen.stages(), sources, answered)
    return {"doc_ids": list(ranking.doc_ids), "scores": list(ranking.scores), "seconds": seconds}


def search_each(
    retriever: Retriever, dataset: StoredDataset, depth: int, query_ids: Sequence[str]
) -> tuple[dict[str, Ranking], dict[str, str]]:
    """Rankings by query id, and error messages by query id.

    The batch is searched at once; only if that raises, query by query, to find the ones that fail.
    """
    rows = [dataset.query_rows[query_id] for query_id in query_ids]
    try:
        rankings = dict(zip(query_ids, retriever.search(rows, depth), strict=True))
        failures: dict[str, str] = {}
    except ENDS_ALL:
        raise
    except Exception:  # noqa: BLE001  an error of a model concerns single queries until all are known to fail
        rankings, failures = {}, {}
        for query_id, row in zip(query_ids, rows, strict=True):
            try:
                rankings[query_id] = retriever.search([row], depth)[0]
            except ENDS_ALL:
                raise
            except Exception as error:  # noqa: BLE001  recorded as this query's failure, never hidden
                failures[query_id] = describe(error)
    return rankings, failures


def hand_over(job: Job, results: Sequence[QueryResult]) -> None:
    """Append results to the stream and note them on the job, in one transaction; wait while the stream is full."""
    stream = ResultStream(job.connection)
    stream.wait_for_room(current().settings.stream_limit)
    job.meta["handed_over"] = [*job.meta.get("handed_over", ()), *(result.query_id for result in results)]
    with job.connection.pipeline(transaction=True) as pipeline:
        stream.append(results, pipeline)
        pipeline.hset(job.key, "meta", JSONSerializer.dumps(job.meta))
        pipeline.execute()


def on_failure(
    job: Job,
    connection: Redis,
    kind: type[BaseException],
    error: BaseException,
    _traceback: TracebackType | None,
) -> None:
    """Called by RQ after every failed attempt, also by whoever finds the job of a dead worker.

    Permanent errors are not tried again. After the last attempt the failure becomes a record.
    """
    stage = STAGES.get(task_name(job))
    failure = stage.failure if stage is not None else None
    stream = ResultStream(connection)
    if issubclass(kind, JobCancelled | DependencyCancelledError):
        job.retries_left = 0
        job.meta[CANCELLED] = True
        job.save_meta()
        if failure == "measured":  # nobody else reports the measurement
            stream.append([VariantMeasured(job.args[0], job.args[1], None, "the measurement was cancelled")])
        return
    if issubclass(kind, BudgetReachedError) and failure == "query":
        job.retries_left = 0  # no query failed: a resumed experiment evaluates the missing ones
        return
    if issubclass(kind, ArtifactLostError) and (stage is None or stage.planned):
        job.retries_left = 0
        job.meta[CANCELLED] = True  # whoever plans its experiments again makes what is lost
        job.save_meta()
        return
    if issubclass(kind, PERMANENT_ERRORS):
        job.retries_left = 0
    job.meta["error"] = describe(error)
    job.save_meta()
    if job.should_retry:
        connection.incr(RETRIES)
        return
    if failure == "query":
        experiment, variant, query_ids = job.args
        failures = job.meta.get("failures", {})
        handed_over = set(job.meta.get("handed_over", ()))
        stream.append(
            QueryResult(experiment, variant, query_id, error=failures.get(query_id, job.meta["error"]))
            for query_id in query_ids
            if query_id not in handed_over
        )
    elif failure == "measured":
        stream.append([VariantMeasured(job.args[0], job.args[1], None, job.meta["error"])])
    elif failure == "failure":
        experiment, variant, _ = job.args
        stream.append([VariantFailure(experiment, variant, job.meta["error"])])


def require_dependencies() -> None:
    """Check that the jobs this one waited for ended well.

    Raises:
        StageFailedError: one failed; carries its message.
        DependencyCancelledError: one was cancelled; if its experiment was resumed since, it is planned again.
    """
    for dependency in running_job().fetch_dependencies():
        if dependency.meta.get(CANCELLED):
            raise DependencyCancelledError(f"the job {dependency.id} was cancelled")
        if dependency.is_failed or dependency.is_stopped or dependency.is_canceled:
            raise StageFailedError(
                str(dependency.meta.get("error") or f"the job {dependency.id} was stopped")
            )


def require_indexes(stages: Iterable[Stage], sources: Sources) -> None:
    """Check that the artifacts which stages read are whole; else build them again.

    Raises:
        StageFailedError: an artifact is missing because a job that this one waited for failed; carries its message.
        ArtifactMissingError: an artifact that it is made of is missing, too.
        DatasetDamagedError: a part of the dataset is damaged.
    """
    stages = list(stages)
    names = {name for stage in stages for name in index_names(stage, sources)}
    if not all(sources.store.is_whole(name) for name in names):
        require_dependencies()
        rebuild(stages, sources)


def stage_of(spec: ExperimentSpec, variant: str, place: int) -> Stage:
    """A variant's stage by its place in the pipeline, from the left."""
    return list(spec.variant(variant).stages())[place]


def running_job() -> Job:
    """The job that this process works on."""
    job = get_current_job()
    if job is None:
        raise RuntimeError("no job is running in this process")
    return job


def describe(error: BaseException) -> str:
    """One line that names the error."""
    # A lone surrogate (a file name that is not UTF-8) could not travel as JSON.
    text = " ".join(without_secrets(str(error)).encode(errors="replace").decode().split())
    if isinstance(error, AbandonedJobError):
        return "the worker died, or was cut off from the queue, at every attempt"
    if isinstance(error, EvaluatorError) and text:
        return text
    return f"{error.__class__.__name__}: {text}" if text else error.__class__.__name__
