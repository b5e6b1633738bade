"""Planning in the background: enqueue jobs for an experiment's missing part, unless it is cancelled meanwhile."""

from __future__ import annotations

from redis.exceptions import RedisError

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import ExperimentSpec
from evaluator.domain.variant import Run
from evaluator.errors import DatasetDamagedError, EvaluatorError, QueueUnavailableError
from evaluator.jobs.cancellation import unmark_cancelled
from evaluator.jobs.connection import unavailable_message
from evaluator.jobs.limits import restore_spending
from evaluator.jobs.planning import PlanningEndedError
from evaluator.jobs.submission import Enqueued, Submission
from evaluator.library.quotas import tell_money
from evaluator.retrieval.search.runs import run_name
from evaluator.store import experiments, results
from evaluator.store.status import enqueued_experiment, is_current, stop_attempt
from evaluator.workspace.plannings import Planning
from evaluator.workspace.workspace import Workspace


def start_planning(workspace: Workspace, spec: ExperimentSpec, attempt: int) -> Planning:
    """Plan an attempt at an experiment, whose status must be `planning`.

    Any other error than a queue that does not answer ends the experiment with its reason. While the queue does not
    answer, the experiment stays `planning`, and the keeper starts planning again.
    """
    planning = Planning(spec.id, attempt)
    planning.watch.confirm = lambda: is_current(workspace.database, spec.id, attempt)

    def work(planning: Planning) -> Enqueued | None:
        try:
            return _enqueue_missing(workspace, spec, planning)
        except RedisError as error:
            raise QueueUnavailableError(unavailable_message(workspace.settings, error)) from error
        except (PlanningEndedError, QueueUnavailableError):
            raise
        except Exception as error:
            reason = str(error) if isinstance(error, EvaluatorError) else f"{type(error).__name__}: {error}"
            stop_attempt(workspace.database, spec.id, attempt, f"it could not be planned: {reason}")
            raise

    workspace.plannings.start(planning, work)
    return planning


def _enqueue_missing(workspace: Workspace, spec: ExperimentSpec, planning: Planning) -> Enqueued:
    dataset = _undamaged(workspace, spec)
    missing = _missing(workspace, spec, dataset)
    enqueued = Enqueued(0, ())
    if any(missing.values()):
        tell_spending(workspace, spec)
        submission = Submission(spec, dataset, workspace.store, workspace.settings, planning.watch)
        batch_size = spec.batch_size(len(dataset.queries), workspace.settings.workers)
        enqueued = submission.send(workspace.connection, missing, batch_size)
    elif planning.watch.confirm():
        unmark_cancelled(workspace.connection, spec.id)
    enqueued_experiment(workspace.database, spec.id, planning.attempt)
    return enqueued


def tell_spending(workspace: Workspace, spec: ExperimentSpec) -> None:
    """Tell Redis what an experiment and its project have spent, and what the project may: Redis may have lost it."""
    spent = results.spent(workspace.database, spec.id)
    restore_spending(workspace.connection, spec.id, spent.tokens + spent.output_tokens, spent.micro_usd)
    tell_money(workspace, spec.project)


def _undamaged(workspace: Workspace, spec: ExperimentSpec) -> StoredDataset:
    """The dataset of an experiment, after checking that all files it needs are undamaged.

    Raises:
        DatasetDamagedError: a file is damaged; names the dataset.
    """
    runs = {
        run_name(stage) for variant in spec.variants for stage in variant.stages() if isinstance(stage, Run)
    }
    try:
        dataset = StoredDataset.open(workspace.store, spec.dataset)
        for part in (*dataset.parts, *runs):
            workspace.store.local_path(part)
    except DatasetDamagedError as error:
        name = experiments.experiment(workspace.database, spec.id).dataset
        raise DatasetDamagedError(f"the dataset {name!r} is damaged: {error}") from error
    return dataset


def _missing(workspace: Workspace, spec: ExperimentSpec, dataset: StoredDataset) -> dict[str, list[str]]:
    """Ids of the queries that have no row, by variant."""
    recorded = results.recorded_queries(workspace.database, spec.id)
    all_ids = [query.query_id for query in dataset.queries]
    return {
        variant.name: [query_id for query_id in all_ids if query_id not in done]
        if (done := recorded.get(variant.name))
        else all_ids
        for variant in spec.variants
    }
