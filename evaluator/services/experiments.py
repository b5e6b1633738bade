"""Experiments: submit, resume, cancel, find."""

from __future__ import annotations

from dataclasses import dataclass

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.endpoint import Endpoint
from evaluator.domain.experiment import EncoderSpec, Experiment, ExperimentSpec, encoder_key, models_of
from evaluator.domain.measures import needed_depth
from evaluator.domain.variant import LanguageModel, resolve_runs
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.jobs.limits import Terms, restore_spending, write_terms
from evaluator.jobs.queue import cancel_experiment
from evaluator.jobs.submission import EncodingStage, Submission, is_active
from evaluator.retrieval.candidates import drop_candidates, experiments_with_candidates
from evaluator.retrieval.encoders.resolve import resolve_encoder
from evaluator.services import datasets
from evaluator.services.endpoints import check_allowed
from evaluator.services.queue import is_stalled, reachable
from evaluator.services.references import meant
from evaluator.services.workspace import Workspace
from evaluator.store import catalog, results
from evaluator.store.catalog import ExperimentRow


@dataclass(frozen=True)
class Submitted:
    """What submitting an experiment came to.

    Attributes:
        id: of the experiment.
        to_evaluate: queries over all variants that are still to be evaluated.
        skipped: queries over all variants that are recorded already.
        encoding: texts by encoder, and how many of them are not cached.
        already_running: its jobs wait or run already; nothing was enqueued.
    """

    id: str
    to_evaluate: int
    skipped: int
    encoding: tuple[EncodingStage, ...] = ()
    already_running: bool = False


def submit(workspace: Workspace, experiment: Experiment, *, allow_paths: bool = False) -> Submitted:
    """Enqueue an experiment, or what is missing of it: the same experiment has the same id.

    Args:
        allow_paths: whether datasets and encoders may be local folders, and any endpoint be asked (command line only).

    Raises:
        InvalidInputError: the dataset is unknown or invalid, or an endpoint may not be asked.
        EncoderNotFoundError: an encoder cannot be found.
        QueueUnavailableError: the queue does not answer.
    """
    if not allow_paths:
        check_allowed(workspace.settings, experiment.endpoints)
    with datasets.CHANGES:
        row = datasets.resolve(workspace, experiment.dataset, allow_paths=allow_paths)
        spec = resolve_spec(experiment, row, allow_paths=allow_paths)
        submitted = _submit(workspace, spec, row.name, datasets.load(workspace, row))
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
    known = next((known for known in catalog.experiments(workspace.database) if known.id == spec.id), None)
    if known is None or not _is_whole(workspace, known):
        return None
    catalog.note_submission(workspace.database, known.id)
    return known


def resume(workspace: Workspace, experiment: ExperimentRow, *, allow_paths: bool = False) -> Submitted:
    """Enqueue what an experiment lacks, queries that failed among it.

    Args:
        allow_paths: as for `submit`.

    Raises:
        InvalidInputError: an endpoint may not be asked.
        QueueUnavailableError: the queue does not answer.
    """
    if not allow_paths:
        check_allowed(workspace.settings, Terms.of(experiment.spec).endpoints.values())
    dataset = StoredDataset.open(workspace.store, experiment.spec.dataset)
    return _submit(workspace, experiment.spec, experiment.dataset, dataset)


def resume_stalled(workspace: Workspace) -> list[str]:
    """Continue experiments that count as running though none of their jobs waits or runs; returns their ids.

    So it is when an instance ended in the middle, or the queue lost its data.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    stalled = []
    with reachable(workspace):
        for row in catalog.experiments(workspace.database):
            if row.status == "running" and is_stalled(workspace, row.id):
                _enqueue_missing(workspace, row.spec, StoredDataset.open(workspace.store, row.spec.dataset))
                stalled.append(row.id)
    return stalled


def drop_stopped(workspace: Workspace) -> list[str]:
    """Drop the jobs of experiments that their workers stopped, and that nobody else needs; returns their ids.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    with reachable(workspace) as connection:
        stopped = [
            row.id
            for row in catalog.experiments(workspace.database)
            if row.status == "cancelled" and row.reason and is_active(connection, row.id)
        ]
        for experiment in stopped:
            cancel_experiment(connection, experiment)
    return stopped


def drop_searched(workspace: Workspace) -> list[str]:
    """Drop the lists that variants shared, of all experiments here that do not run; returns their ids."""
    # Looked at before the states are: what begins meanwhile is not among them.
    kept = experiments_with_candidates(workspace.store)
    if not kept:
        return []
    rows = catalog.experiments(workspace.database)
    ended = [row.id for row in rows if row.status != "running" and row.id in kept]
    for experiment in ended:
        drop_candidates(workspace.store, experiment)
    return ended


def cancel(workspace: Workspace, experiment: ExperimentRow) -> None:
    """Drop an experiment's waiting jobs; what is recorded stays, and `resume` continues it.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    with reachable(workspace) as connection:
        connection.ping()
        # First, or it would count as stalled, and be continued.
        catalog.set_status(workspace.database, experiment.id, "cancelled")
        cancel_experiment(connection, experiment.id)


def delete(workspace: Workspace, experiment: ExperimentRow) -> None:
    """Forget an experiment with its results; vectors, indexes and the dataset stay.

    Raises:
        InvalidInputError: it is running.
    """
    catalog.delete_experiment(workspace.database, experiment.id)
    drop_candidates(workspace.store, experiment.id)


def find(workspace: Workspace, reference: str | None = None, *, beginnings: bool = True) -> ExperimentRow:
    """An experiment by id, by name, or by the beginning of its id; the last submitted if nothing is given.

    Args:
        beginnings: whether the beginning of an id will do; not for what cannot be undone.

    Raises:
        AmbiguousNameError: several could be meant; lists them.
        UnknownNameError: there is none; lists those there are.
    """
    rows = catalog.experiments(workspace.database)
    if reference is not None:
        return meant(rows, reference, beginnings=beginnings)
    if not rows:
        raise UnknownNameError("there is no experiment yet; run one with: evaluator run EXPERIMENT.yaml")
    return rows[0]


def all_experiments(workspace: Workspace) -> list[ExperimentRow]:
    """All experiments, the last submitted first."""
    return catalog.experiments(workspace.database)


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


def _submit(workspace: Workspace, spec: ExperimentSpec, name: str, dataset: StoredDataset) -> Submitted:
    with reachable(workspace) as connection:
        known = next((row for row in catalog.experiments(workspace.database) if row.id == spec.id), None)
        if known is not None and known.status == "running" and is_active(connection, spec.id):
            missing = _missing(workspace, spec, dataset)
            write_terms(connection, spec)
            return Submitted(spec.id, missing.count, missing.recorded, already_running=True)
        if known is not None and _is_whole(
            workspace, known
        ):  # it keeps the times of the run that did the work
            return Submitted(spec.id, 0, _missing(workspace, spec, dataset).recorded)
        catalog.save_experiment(workspace.database, spec, name, len(dataset.queries))
        results.forget_failures(workspace.database, spec.id)
        return _enqueue_missing(workspace, spec, dataset)


def _is_whole(workspace: Workspace, experiment: ExperimentRow) -> bool:
    """Whether all of an experiment is recorded and nothing failed."""
    counts = results.recorded_counts(workspace.database, experiment.id)
    return experiment.status == "finished" and all(
        c.recorded == experiment.n_queries and not c.failed and not c.error for c in counts
    )


@dataclass(frozen=True)
class _Missing:
    """Ids of the queries that have no row, by variant; how many rows there are."""

    queries: dict[str, list[str]]
    recorded: int

    @property
    def count(self) -> int:
        return sum(map(len, self.queries.values()))


def _missing(workspace: Workspace, spec: ExperimentSpec, dataset: StoredDataset) -> _Missing:
    recorded = results.recorded_queries(workspace.database, spec.id)
    queries = {
        variant.name: [
            query.query_id
            for query in dataset.queries
            if query.query_id not in recorded.get(variant.name, frozenset())
        ]
        for variant in spec.variants
    }
    return _Missing(queries, sum(map(len, recorded.values())))


def _enqueue_missing(workspace: Workspace, spec: ExperimentSpec, dataset: StoredDataset) -> Submitted:
    missing = _missing(workspace, spec, dataset)
    if not missing.count:
        results.finish_if_complete(workspace.database, spec.id)
        return Submitted(spec.id, 0, missing.recorded)
    batch_size = spec.batch_size(len(dataset.queries), workspace.settings.workers)
    spent = results.spent(workspace.database, spec.id)
    restore_spending(workspace.connection, spec.id, spent.tokens + spent.output_tokens, spent.micro_usd)
    submission = Submission(spec, dataset, workspace.store, workspace.settings)
    sent = submission.send(workspace.connection, missing.queries, batch_size)
    return Submitted(spec.id, missing.count, missing.recorded, sent.stages)
