"""Experiments and datasets as a database has them, without having run or been uploaded."""

from __future__ import annotations

from evaluator.domain.experiment import ExperimentSpec
from evaluator.library import catalog
from evaluator.store.file.database import Database
from evaluator.store.status import enqueued_experiment, submit_experiment
from evaluator.workspace.workspace import Workspace


def begin(database: Database, spec: ExperimentSpec, dataset: str, n_queries: int) -> None:
    """Record that an experiment runs; nothing is enqueued. A dataset that is not there is made, without a version."""
    with database.transaction() as cursor:
        cursor.execute("INSERT INTO datasets (name) VALUES (?) ON CONFLICT DO NOTHING", [dataset])
    (id_,) = database.cursor.execute("SELECT id FROM datasets WHERE name = ?", [dataset]).fetchone()
    attempt = submit_experiment(database, spec, id_, n_queries)
    enqueued_experiment(database, spec.id, attempt)


def dataset_id(workspace: Workspace, name: str) -> int:
    """The id of the dataset of that name."""
    return catalog.find(workspace, name).id
