"""Experiments: submit, resume, cancel, delete, find."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from redis.exceptions import RedisError

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.access import Action
from evaluator.domain.experiment import EncoderSpec, Experiment, ExperimentSpec, encoder_key, models_of
from evaluator.domain.measures.scoring import needed_depth
from evaluator.domain.pipelines.resolving import resolve_runs
from evaluator.domain.records import DatasetRow, ExperimentRow
from evaluator.domain.teamwork.deeds import Deed, experiment_of
from evaluator.errors import InvalidInputError, NoQueriesError, UnknownNameError
from evaluator.experiments.endpoints import chat_endpoints, check_allowed
from evaluator.experiments.planning import start_planning
from evaluator.experiments.references import meant
from evaluator.jobs.limits import Terms, write_terms
from evaluator.jobs.queue import cancel_experiment
from evaluator.jobs.submission import EncodingStage
from evaluator.library import catalog
from evaluator.library.quotas import require_start
from evaluator.retrieval.candidates import drop_candidates
from evaluator.retrieval.encoders.resolve import resolve_encoder
from evaluator.retrieval.texts.languages import with_language
from evaluator.store import experiments, results
from evaluator.store.status import change_status, describe, submit_experiment
from evaluator.workspace.acting import may, needs
from evaluator.workspace.log import note
from evaluator.workspace.plannings import Planning
from evaluator.workspace.projects import current
from evaluator.workspace.queue_connection import reachable
from evaluator.workspace.stalled import stalled
from evaluator.workspace.workspace import Workspace

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Begun:
    """An experiment that was submitted.

    Attributes:
        id: the experiment's id.
        planning: the planning in the background; None if there is nothing to plan, or another process plans it.
        already_running: the experiment was already planned or running; nothing was started.
    """

    id: str
    planning: Planning | None = None
    already_running: bool = False


@dataclass(frozen=True)
class Submitted:
    """The result of submitting an experiment.

    Attributes:
        id: the experiment's id.
        to_evaluate: queries over all variants that are still to be evaluated.
        skipped: queries over all variants that are already recorded.
        encoding: texts by encoder, and how many of them are not cached; empty while it is being planned.
        already_running: the experiment was already planned or running; nothing was started.
        planning: whether planning goes on; the experiment's progress shows how far it is.
    """

    id: str
    to_evaluate: int
    skipped: int
    encoding: tuple[EncodingStage, ...] = ()
    already_running: bool = False
    planning: bool = False


def submit(
    workspace: Workspace,
    experiment: Experiment,
    *,
    allow_paths: bool = False,
    patience: float | None = None,
    hub_patience: float | None = None,
) -> Submitted:
    """Start an experiment, or its missing part: the same experiment has the same id.

    Args:
        allow_paths, hub_patience: as for `begin`.
        patience: seconds to wait for planning, which continues in the background after that; None to wait until it
            ends.

    Raises:
        EvaluatorError: as `begin`, or it cannot be planned.
    """
    begun = begin(workspace, experiment, allow_paths=allow_paths, hub_patience=hub_patience)
    return outcome(workspace, begun, patience)


@needs(Action.RUN)
def begin(
    workspace: Workspace,
    experiment: Experiment,
    *,
    allow_paths: bool = False,
    hub_patience: float | None = None,
) -> Begun:
    """Start an experiment without waiting for its planning; `outcome` returns the result.

    Args:
        allow_paths: whether local folders and all endpoints are allowed (command line only).
        hub_patience: seconds to wait for each model that is looked up on the hub; None to wait until it ends.

    Raises:
        InvalidInputError: the dataset is unknown or invalid, or an endpoint may not be asked.
        EncoderNotFoundError: an encoder cannot be found.
        LookingUpError: the hub takes longer to answer; nothing is started.
        QueueUnavailableError: the queue does not answer.
    """
    if not allow_paths:
        check_allowed(workspace.settings, experiment.endpoints)
    row = catalog.resolve(workspace, experiment.dataset, allow_paths=allow_paths)
    # Before any lock is taken, because this may wait for the hub.
    spec = resolve_spec(workspace, experiment, row, allow_paths=allow_paths, hub_patience=hub_patience)
    begun = _begin(workspace, spec, row.id)
    if not begun.already_running and not _submitted(workspace, begun).to_evaluate:
        experiments.note_submission(workspace.database, spec.id)
    return begun


def outcome(workspace: Workspace, begun: Begun, patience: float | None = None) -> Submitted:
    """The result of starting an experiment, as far as it is known.

    Args:
        patience: seconds to wait for planning; None to wait until it ends.

    Raises:
        EvaluatorError: it cannot be planned.
        QueueUnavailableError: the queue does not answer.
    """
    enqueued = None if begun.planning is None else begun.planning.wait(patience)
    return _submitted(workspace, begun, () if enqueued is None else enqueued.stages)


def completed(
    workspace: Workspace, experiment: Experiment, *, allow_paths: bool = False
) -> ExperimentRow | None:
    """The experiment if it is completely recorded without failures: it needs no jobs, and so no queue.

    Raises:
        InvalidInputError, EncoderNotFoundError: as `submit`.
    """
    row = catalog.resolve(workspace, experiment.dataset, allow_paths=allow_paths)
    spec = resolve_spec(workspace, experiment, row, allow_paths=allow_paths)
    known = experiments.known_experiment(workspace.database, spec.id)
    if known is None or not _is_whole(workspace, known):
        return None
    experiments.note_submission(workspace.database, known.id)
    return known


def resume(
    workspace: Workspace,
    experiment: ExperimentRow,
    *,
    allow_paths: bool = False,
    patience: float | None = None,
) -> Submitted:
    """Start the missing part of an experiment, including failed queries.

    Args:
        allow_paths, patience: as for `submit`.

    Raises:
        EvaluatorError: as `begin_again`, or it cannot be planned.
    """
    return outcome(workspace, begin_again(workspace, experiment, allow_paths=allow_paths), patience)


@needs(Action.RUN)
def begin_again(workspace: Workspace, experiment: ExperimentRow, *, allow_paths: bool = False) -> Begun:
    """Start the missing part of an experiment without waiting for its planning; `outcome` returns the result.

    Args:
        allow_paths: as for `begin`.

    Raises:
        InvalidInputError: an endpoint may not be asked.
        QueueUnavailableError: the queue does not answer.
    """
    if not allow_paths:
        check_allowed(workspace.settings, Terms.of(experiment.spec).endpoints.values())
    return _begin(workspace, experiment.spec, experiment.dataset_id)


@needs(Action.RUN)
def cancel(workspace: Workspace, experiment: ExperimentRow) -> None:
    """Cancel an experiment: drop its waiting jobs. Recorded results stay, and `resume` continues it.

    Raises:
        ConflictError: it is finished already.
        QueueUnavailableError: the queue does not answer.
    """
    with reachable(workspace) as connection:
        # The status first, because planning checks it before enqueueing anything.
        change_status(workspace.database, experiment.id, "cancel")
        note(
            workspace,
            Deed.CANCELLED,
            experiment.name,
            experiment_of(experiment.id),
            project=experiment.project,
        )
        cancel_experiment(connection, experiment.id, lambda: is_over(workspace, experiment.id))


@needs(Action.RUN)
def delete(workspace: Workspace, experiment: ExperimentRow) -> None:
    """Delete an experiment and its results; vectors, indexes and the dataset stay.

    Raises:
        ConflictError: it is planned or running.
    """
    experiments.delete_experiment(workspace.database, experiment.id)
    note(workspace, Deed.DELETED, experiment.name, experiment_of(experiment.id), project=experiment.project)
    if workspace.queue is not None:
        try:  # the jobs that measure its cost
            cancel_experiment(workspace.queue, experiment.id, lambda: is_over(workspace, experiment.id))
        except RedisError as error:  # the keeper drops these jobs later
            logger.warning("jobs of the deleted experiment %s are still there: %s", experiment.id, error)
    drop_candidates(workspace.store, experiment.id)


def is_over(workspace: Workspace, experiment: str) -> bool:
    """Whether an experiment (its id) is cancelled or deleted, and was not submitted again."""
    row = experiments.known_experiment(workspace.database, experiment)
    return row is None or row.status == "cancelled"


def find(workspace: Workspace, reference: str | None = None, *, beginnings: bool = True) -> ExperimentRow:
    """An experiment by id, in any project that one may see; else by name or the beginning of its id, or the last one.

    Args:
        beginnings: whether the beginning of an id is enough; False for actions that cannot be undone.

    Raises:
        AmbiguousNameError: several match; lists them.
        UnknownNameError: none matches; lists those there are.
    """
    if reference is not None:
        if (row := by_id(workspace, reference)) is not None:
            return row
        return meant(all_experiments(workspace), reference, beginnings=beginnings)
    rows = all_experiments(workspace)
    if not rows:
        raise UnknownNameError("there is no experiment yet; run one with: evaluator run EXPERIMENT.yaml")
    return rows[0]


def by_id(workspace: Workspace, id_: str) -> ExperimentRow | None:
    """The experiment with that id, in any project that whoever is acting may see; None if they may know of none."""
    row = experiments.known_experiment(workspace.database, id_)
    return row if row is not None and may(Action.SEE, row.project) else None


def all_experiments(workspace: Workspace) -> list[ExperimentRow]:
    """The experiments of the project in which whoever is acting works, the last submitted first."""
    project = current(workspace)
    return [row for row in experiments.all_experiments(workspace.database) if row.project == project]


def listed(workspace: Workspace) -> list[ExperimentRow]:
    """Experiments for lists, the last submitted first; one that was rescored by other judgments appears once.

    Those scored by older judgments are reachable by their ids and in the history.
    """
    return experiments.newest_of_runs(all_experiments(workspace))


def resolve_spec(
    workspace: Workspace,
    experiment: Experiment,
    row: DatasetRow,
    *,
    allow_paths: bool,
    hub_patience: float | None = None,
) -> ExperimentSpec:
    """Resolve an experiment to a runnable spec: fingerprints of its dataset, runs and encoders, and BM25's languages.

    Args:
        allow_paths, hub_patience: as for `begin`.

    Raises:
        InvalidInputError: an endpoint or a run is unknown, or there are no queries (`NoQueriesError`).
        UnknownNameError: the dataset is no longer stored.
        EncoderNotFoundError: an encoder cannot be found.
        LookingUpError: the hub takes longer to answer.
    """
    manifest = row.manifest
    if not manifest.n_queries:
        raise NoQueriesError(
            f"{row.name!r} has no queries yet; add some on its page, or with `evaluator dataset add`"
        )
    experiment = with_language(experiment, catalog.load(workspace, row))
    runs = {run.name: run.id for run in manifest.runs}
    try:
        variants = tuple(resolve_runs(variant, runs) for variant in experiment.variants)
    except ValueError as error:
        raise InvalidInputError(str(error)) from error
    return ExperimentSpec(
        name=experiment.name,
        dataset=manifest.fingerprint,
        corpus=manifest.corpus,
        queries=manifest.queries,
        qrels=manifest.qrels,
        exclude_self=manifest.exclude_self,
        variants=variants,
        encoders=_resolve_encoders(experiment, allow_paths, hub_patience),
        measures=experiment.measures,
        depth=needed_depth(experiment.measures),
        queries_per_job=experiment.queries_per_job,
        endpoints=chat_endpoints(experiment),
        budget=experiment.budget,
        project=row.project,
    )


def _resolve_encoders(
    experiment: Experiment, allow_folders: bool, hub_patience: float | None
) -> dict[str, EncoderSpec]:
    """Each encoder by its key, resolved one after the other, so that one experiment takes one hub look-up at a time."""
    stages = {encoder_key(stage): stage for variant in experiment.variants for stage in models_of(variant)}
    endpoints = {endpoint.name: endpoint for endpoint in experiment.endpoints}
    return {
        key: resolve_encoder(stage, allow_folders=allow_folders, endpoints=endpoints, patience=hub_patience)
        for key, stage in stages.items()
    }


def _begin(workspace: Workspace, spec: ExperimentSpec, dataset: int) -> Begun:
    """Start planning an experiment, unless it is complete, or already planned or running."""
    described = describe(spec)
    with reachable(workspace) as connection, workspace.in_use:
        row = experiments.known_experiment(workspace.database, spec.id)
        if row is not None and not stalled(workspace, [row]) and row.active:
            write_terms(connection, spec)
            return Begun(spec.id, workspace.plannings.of(spec.id), already_running=True)
        if row is not None and _is_whole(workspace, row):
            return Begun(spec.id)  # keep the start and end times of the run that evaluated it
        require_start(workspace, spec.project, spec.id)
        n_queries = StoredDataset.open(workspace.store, spec.dataset).manifest.n_queries
        attempt = submit_experiment(workspace.database, spec, dataset, n_queries, described)
        note(workspace, Deed.STARTED, spec.name, experiment_of(spec.id), project=spec.project)
        return Begun(spec.id, start_planning(workspace, spec, attempt))


def _submitted(workspace: Workspace, begun: Begun, encoding: tuple[EncodingStage, ...] = ()) -> Submitted:
    row = experiments.experiment(workspace.database, begun.id)
    recorded = sum(variant.recorded for variant in results.recorded_counts(workspace.database, begun.id))
    return Submitted(
        id=begun.id,
        to_evaluate=row.n_queries * len(row.spec.variants) - recorded,
        skipped=recorded,
        encoding=encoding,
        already_running=begun.already_running,
        planning=begun.planning is not None and not begun.planning.enqueued.done(),
    )


def _is_whole(workspace: Workspace, experiment: ExperimentRow) -> bool:
    """Whether an experiment is completely recorded without failures."""
    n, counts = experiment.n_queries, results.recorded_counts(workspace.database, experiment.id)
    whole = (c.recorded == n and not c.failed and not c.error for c in counts)
    return experiment.status == "finished" and all(whole)
