"""Experiments: submit, resume, cancel, delete, find."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from redis.exceptions import RedisError

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.endpoint import Endpoint
from evaluator.domain.experiment import EncoderSpec, Experiment, ExperimentSpec, encoder_key, models_of
from evaluator.domain.measures import needed_depth
from evaluator.domain.variant import LanguageModel, resolve_runs
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.jobs.limits import Terms, write_terms
from evaluator.jobs.queue import cancel_experiment
from evaluator.jobs.submission import EncodingStage
from evaluator.retrieval.candidates import drop_candidates
from evaluator.retrieval.encoders.resolve import resolve_encoder
from evaluator.services import datasets
from evaluator.services.endpoints import check_allowed
from evaluator.services.planning import start_planning
from evaluator.services.queue import is_stalled, reachable
from evaluator.services.references import meant
from evaluator.services.workspace import Workspace
from evaluator.store import catalog, results
from evaluator.store.catalog import ExperimentRow
from evaluator.store.lifecycle import change_status, describe, submit_experiment

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Submitted:
    """What submitting an experiment came to.

    Attributes:
        id: of the experiment.
        to_evaluate: queries over all variants that are still to be evaluated.
        skipped: queries over all variants that are recorded already.
        encoding: texts by encoder, and how many of them are not cached; empty while it is being planned.
        already_running: it is planned or its jobs wait or run already; nothing was begun.
        planning: what must be encoded is still being worked out; progress says how far that is.
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
) -> Submitted:
    """Begin an experiment, or what is missing of it: the same experiment has the same id.

    Args:
        allow_paths: whether datasets and encoders may be local folders, and any endpoint be asked (command line only).
        patience: seconds to wait until it is planned, which goes on in the background; None to wait for as long as
            that takes.

    Raises:
        InvalidInputError: the dataset is unknown or invalid, or an endpoint may not be asked.
        EncoderNotFoundError: an encoder cannot be found.
        QueueUnavailableError: the queue does not answer.
    """
    if not allow_paths:
        check_allowed(workspace.settings, experiment.endpoints)
    row = datasets.resolve(workspace, experiment.dataset, allow_paths=allow_paths)
    spec = resolve_spec(experiment, row, allow_paths=allow_paths)
    submitted = _begin(workspace, spec, row.id, patience)
    if not submitted.to_evaluate and not submitted.already_running:
        catalog.note_submission(workspace.database, spec.id)
    return submitted


def completed(
    workspace: Workspace, experiment: Experiment, *, allow_paths: bool = False
) -> ExperimentRow | None:
    """The experiment, if all of it is recorded and nothing failed: then submitting it is done. Needs no queue.

    Raises:
        InvalidInputError, EncoderNotFoundError: as `submit`.
    """
    row = datasets.resolve(workspace, experiment.dataset, allow_paths=allow_paths)
    spec = resolve_spec(experiment, row, allow_paths=allow_paths)
    known = catalog.known_experiment(workspace.database, spec.id)
    if known is None or not _is_whole(workspace, known):
        return None
    catalog.note_submission(workspace.database, known.id)
    return known


def resume(
    workspace: Workspace,
    experiment: ExperimentRow,
    *,
    allow_paths: bool = False,
    patience: float | None = None,
) -> Submitted:
    """Begin what an experiment lacks, queries that failed among it.

    Args:
        allow_paths, patience: as for `submit`.

    Raises:
        InvalidInputError: an endpoint may not be asked.
        QueueUnavailableError: the queue does not answer.
    """
    if not allow_paths:
        check_allowed(workspace.settings, Terms.of(experiment.spec).endpoints.values())
    return _begin(workspace, experiment.spec, experiment.dataset_id, patience)


def cancel(workspace: Workspace, experiment: ExperimentRow) -> None:
    """Drop an experiment's waiting jobs; what is recorded stays, and `resume` continues it.

    Raises:
        ConflictError: it is finished already.
        QueueUnavailableError: the queue does not answer.
    """
    with reachable(workspace) as connection:
        # First: whoever plans it asks for the status before anything is enqueued.
        change_status(workspace.database, experiment.id, "cancel")
        cancel_experiment(connection, experiment.id, lambda: is_over(workspace, experiment.id))


def delete(workspace: Workspace, experiment: ExperimentRow) -> None:
    """Forget an experiment with its results; vectors, indexes and the dataset stay.

    Raises:
        ConflictError: it is planned or running.
    """
    catalog.delete_experiment(workspace.database, experiment.id)
    if workspace.queue is not None:
        try:
            # What measures its cost.
            cancel_experiment(workspace.queue, experiment.id, lambda: is_over(workspace, experiment.id))
        except RedisError as error:  # the keeper drops them
            logger.warning("jobs of the deleted experiment %s are still there: %s", experiment.id, error)
    drop_candidates(workspace.store, experiment.id)


def is_over(workspace: Workspace, experiment: str) -> bool:
    """Whether an experiment (its id) is cancelled or deleted, and nobody has asked for it again."""
    known = catalog.known_experiment(workspace.database, experiment)
    return known is None or known.status == "cancelled"


def find(workspace: Workspace, reference: str | None = None, *, beginnings: bool = True) -> ExperimentRow:
    """An experiment by id, by name, or by the beginning of its id; the last submitted if nothing is given.

    Args:
        beginnings: whether the beginning of an id will do; not for what cannot be undone.

    Raises:
        AmbiguousNameError: several could be meant; lists them.
        UnknownNameError: there is none; lists those there are.
    """
    database = workspace.database
    if reference is not None:
        known = catalog.known_experiment(database, reference)
        return known or meant(catalog.experiments(database), reference, beginnings=beginnings)
    last = catalog.last_experiment(database)
    if last is None:
        raise UnknownNameError("there is no experiment yet; run one with: evaluator run EXPERIMENT.yaml")
    return last


def all_experiments(workspace: Workspace) -> list[ExperimentRow]:
    """All experiments, the last submitted first."""
    return catalog.experiments(workspace.database)


def listed(workspace: Workspace) -> list[ExperimentRow]:
    """Experiments as lists show them, the last submitted first: one that followed other judgments is one line.

    Those by older judgments are found by their ids, and on the history.
    """
    return catalog.newest_of_runs(all_experiments(workspace))


def resolve_spec(experiment: Experiment, row: catalog.DatasetRow, *, allow_paths: bool) -> ExperimentSpec:
    """Make an experiment ready to run: fingerprints of its dataset, its runs and its encoders.

    Raises:
        InvalidInputError: an endpoint or a run is unknown.
        EncoderNotFoundError: an encoder cannot be found.
    """
    manifest = row.manifest
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
        encoders=_resolve_encoders(experiment, allow_folders=allow_paths),
        measures=experiment.measures,
        depth=needed_depth(experiment.measures),
        queries_per_job=experiment.queries_per_job,
        endpoints=_chat_endpoints(experiment),
        budget=experiment.budget,
    )


def _chat_endpoints(experiment: Experiment) -> dict[str, Endpoint]:
    stages = [stage for variant in experiment.variants for stage in variant.stages()]
    asked = {stage.endpoint for stage in stages if isinstance(stage, LanguageModel)}
    known = {endpoint.name: endpoint for endpoint in experiment.endpoints}
    if unknown := asked - set(known):
        raise InvalidInputError(f"no endpoint is called {min(unknown)!r}; list it under endpoints")
    return {name: known[name] for name in sorted(asked)}


def _resolve_encoders(experiment: Experiment, *, allow_folders: bool) -> dict[str, EncoderSpec]:
    stages = {encoder_key(stage): stage for variant in experiment.variants for stage in models_of(variant)}
    endpoints = {endpoint.name: endpoint for endpoint in experiment.endpoints}
    return {
        key: resolve_encoder(stage, allow_folders=allow_folders, endpoints=endpoints)
        for key, stage in stages.items()
    }


def _begin(workspace: Workspace, spec: ExperimentSpec, dataset: int, patience: float | None) -> Submitted:
    """Have an experiment planned, unless it is whole, or planned or running already."""
    described = describe(spec)
    with reachable(workspace) as connection:
        with workspace.in_use:
            known = catalog.known_experiment(workspace.database, spec.id)
            if known is not None and not is_stalled(workspace, known) and known.active:
                write_terms(connection, spec)
                planning = workspace.plannings.of(spec.id)
            elif known is not None and _is_whole(workspace, known):
                return _submitted(workspace, spec.id)  # it keeps the times of the run that did the work
            else:
                n_queries = StoredDataset.open(workspace.store, spec.dataset).manifest.n_queries
                attempt = submit_experiment(workspace.database, spec, dataset, n_queries, described)
                planning = start_planning(workspace, spec, attempt)
                known = None
        enqueued = None if planning is None else planning.wait(patience)
    return _submitted(
        workspace,
        spec.id,
        () if enqueued is None else enqueued.stages,
        already_running=known is not None,
        planning=planning is not None and not planning.enqueued.done(),
    )


def _submitted(
    workspace: Workspace,
    id_: str,
    encoding: tuple[EncodingStage, ...] = (),
    *,
    already_running: bool = False,
    planning: bool = False,
) -> Submitted:
    row = catalog.experiment(workspace.database, id_)
    recorded = sum(variant.recorded for variant in results.recorded_counts(workspace.database, id_))
    to_evaluate = row.n_queries * len(row.spec.variants) - recorded
    return Submitted(id_, to_evaluate, recorded, encoding, already_running, planning)


def _is_whole(workspace: Workspace, experiment: ExperimentRow) -> bool:
    """Whether all of an experiment is recorded and nothing failed."""
    counts = results.recorded_counts(workspace.database, experiment.id)
    return experiment.status == "finished" and all(
        c.recorded == experiment.n_queries and not c.failed and not c.error for c in counts
    )
