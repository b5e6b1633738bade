"""Experiments: submit, resume, cancel, find."""

from __future__ import annotations

from dataclasses import dataclass

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import EncoderSpec, Experiment, ExperimentSpec, encoder_key
from evaluator.domain.measures import needed_depth
from evaluator.domain.variant import Dense, Variant
from evaluator.errors import UnknownNameError
from evaluator.jobs.queue import cancel_experiment
from evaluator.jobs.submission import EncodingStage, Submission, is_active
from evaluator.retrieval.encoders.resolve import resolve_encoder
from evaluator.services import datasets
from evaluator.services.queue import is_stalled, reachable
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
        allow_paths: whether datasets and encoders may be local folders (command line only).

    Raises:
        InvalidInputError: the dataset is unknown or invalid.
        EncoderNotFoundError: an encoder cannot be found.
        QueueUnavailableError: the queue does not answer.
    """
    with datasets.CHANGES:
        row = datasets.resolve(workspace, experiment.dataset, allow_paths=allow_paths)
        spec = resolve_spec(experiment, row, allow_paths=allow_paths)
        return _submit(workspace, spec, row.name, datasets.load(workspace, row))


def completed(
    workspace: Workspace, experiment: Experiment, *, allow_paths: bool = False
) -> ExperimentRow | None:
    """The experiment, if all of it is recorded and nothing failed: then there is nothing to run. Needs no queue.

    Raises:
        InvalidInputError, EncoderNotFoundError: as `submit`.
    """
    row = datasets.resolve(workspace, experiment.dataset, allow_paths=allow_paths)
    spec = resolve_spec(experiment, row, allow_paths=allow_paths)
    known = next((known for known in catalog.experiments(workspace.database) if known.id == spec.id), None)
    return known if known is not None and _is_whole(workspace, known) else None


def resume(workspace: Workspace, experiment: ExperimentRow) -> Submitted:
    """Enqueue what an experiment lacks, queries that failed among it.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
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


def find(workspace: Workspace, reference: str | None = None) -> ExperimentRow:
    """An experiment by id, by the beginning of its id, or by name; the last submitted if several match.

    Raises:
        UnknownNameError: there is none; lists those there are.
    """
    rows = catalog.experiments(workspace.database)
    for row in rows:
        if reference is None or row.id.startswith(reference) or row.name == reference:
            return row
    if reference is None:
        raise UnknownNameError("there is no experiment yet; run one with: evaluator run EXPERIMENT.yaml")
    names = ", ".join(dict.fromkeys(row.name for row in rows)) or "none yet"
    raise UnknownNameError(f"no experiment is called {reference!r}; there are: {names}")


def all_experiments(workspace: Workspace) -> list[ExperimentRow]:
    """All experiments, the last submitted first."""
    return catalog.experiments(workspace.database)


def resolve_spec(experiment: Experiment, row: catalog.DatasetRow, *, allow_paths: bool) -> ExperimentSpec:
    """Make an experiment ready to run: fingerprints of its dataset and encoders."""
    manifest = row.manifest
    return ExperimentSpec(
        name=experiment.name,
        dataset=manifest.fingerprint,
        corpus=manifest.corpus,
        queries=manifest.queries,
        qrels=manifest.qrels,
        exclude_self=manifest.exclude_self,
        variants=experiment.variants,
        encoders=_resolve_encoders(experiment.variants, allow_folders=allow_paths),
        measures=experiment.measures,
        depth=needed_depth(experiment.measures),
        queries_per_job=experiment.queries_per_job,
    )


def _resolve_encoders(variants: tuple[Variant, ...], *, allow_folders: bool) -> dict[str, EncoderSpec]:
    stages = [
        stage for variant in variants for stage in variant.retrieve.leaves() if isinstance(stage, Dense)
    ]
    return {
        key: resolve_encoder(stage, allow_folders=allow_folders)
        for key, stage in {encoder_key(stage): stage for stage in stages}.items()
    }


def _submit(workspace: Workspace, spec: ExperimentSpec, name: str, dataset: StoredDataset) -> Submitted:
    with reachable(workspace) as connection:
        known = next((row for row in catalog.experiments(workspace.database) if row.id == spec.id), None)
        if known is not None and known.status == "running" and is_active(connection, spec.id):
            missing = _missing(workspace, spec, dataset)
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
    submission = Submission(spec, dataset, workspace.store, workspace.settings)
    sent = submission.send(workspace.connection, missing.queries, batch_size)
    return Submitted(spec.id, missing.count, missing.recorded, sent.stages)
