"""Experiments: submit, resume, cancel, find."""

from __future__ import annotations

from dataclasses import dataclass

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import EncoderSpec, Experiment, ExperimentSpec, encoder_key
from evaluator.domain.measures import needed_depth
from evaluator.domain.variant import Dense, Variant
from evaluator.errors import UnknownNameError
from evaluator.jobs.queue import cancel_experiment, open_queue
from evaluator.jobs.submission import EncodingStage, Submission, is_active
from evaluator.retrieval.encoders.resolve import resolve_encoder
from evaluator.services import datasets
from evaluator.services.queue import reachable
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
    row = datasets.resolve(workspace, experiment.dataset, allow_paths=allow_paths)
    spec = resolve_spec(experiment, row, allow_paths=allow_paths)
    dataset = datasets.load(workspace, row)
    with reachable(workspace):
        catalog.save_experiment(workspace.database, spec, row.name, len(dataset.queries))
        return _enqueue_missing(workspace, spec, dataset)


def resume(workspace: Workspace, experiment: ExperimentRow) -> Submitted:
    """Enqueue what an experiment lacks.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    dataset = StoredDataset.open(workspace.store, experiment.spec.dataset)
    with reachable(workspace):
        catalog.save_experiment(workspace.database, experiment.spec, experiment.dataset, experiment.n_queries)
        return _enqueue_missing(workspace, experiment.spec, dataset)


def resume_interrupted(workspace: Workspace) -> list[Submitted]:
    """Continue every experiment that was running when its instance ended."""
    running = [row for row in catalog.experiments(workspace.database) if row.status == "running"]
    with reachable(workspace):
        return [
            _enqueue_missing(workspace, row.spec, StoredDataset.open(workspace.store, row.spec.dataset))
            for row in running
        ]


def cancel(workspace: Workspace, experiment: ExperimentRow) -> None:
    """Drop an experiment's waiting jobs; what is recorded stays, and `resume` continues it.

    Raises:
        QueueUnavailableError: the queue does not answer.
    """
    with reachable(workspace) as connection:
        cancel_experiment(open_queue(connection), experiment.id)
    catalog.set_status(workspace.database, experiment.id, "cancelled")


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


def _enqueue_missing(workspace: Workspace, spec: ExperimentSpec, dataset: StoredDataset) -> Submitted:
    query_ids = [query.query_id for query in dataset.queries]
    recorded = results.recorded_queries(workspace.database, spec.id)
    missing = {
        variant.name: [q for q in query_ids if q not in recorded.get(variant.name, set())]
        for variant in spec.variants
    }
    to_evaluate = sum(map(len, missing.values()))
    skipped = len(query_ids) * len(spec.variants) - to_evaluate
    if not to_evaluate:
        results.finish_if_complete(workspace.database, spec.id)
        return Submitted(spec.id, 0, skipped)
    if is_active(workspace.connection, spec.id):
        return Submitted(spec.id, to_evaluate, skipped, already_running=True)
    batch_size = spec.batch_size(len(query_ids), workspace.settings.workers)
    sent = Submission(spec, dataset, workspace.store, workspace.settings).send(
        workspace.connection, missing, batch_size
    )
    return Submitted(spec.id, to_evaluate, skipped, sent.stages)
