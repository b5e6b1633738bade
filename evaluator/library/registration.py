"""Names datasets that are in the artifact store already: what a command or another machine stored."""

from __future__ import annotations

from collections.abc import Sequence

from evaluator.datasets.layout import corpus_artifact, qrels_artifact, queries_artifact
from evaluator.datasets.runs import run_artifact
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.access import Action
from evaluator.domain.dataset import Provenance
from evaluator.domain.records import DatasetRow
from evaluator.errors import InvalidInputError
from evaluator.library import catalog
from evaluator.library.storage import name_dataset
from evaluator.store import datasets
from evaluator.workspace.acting import needs
from evaluator.workspace.projects import current
from evaluator.workspace.workspace import Workspace


@needs(Action.EDIT)
def register(
    workspace: Workspace,
    name: str,
    fingerprint: str,
    source: str,
    description: str,
    tags: Sequence[str],
    provenance: Provenance | None = None,
    adds_to: str | None = None,
) -> DatasetRow:
    """Name a dataset that is in the artifact store; if the name exists, the dataset becomes its next version.

    Args:
        provenance: the files that it was imported from.
        adds_to: the fingerprint of the version to which the files add, if they are no dataset of their own.

    Raises:
        InvalidInputError: the dataset, or a part of it, is not stored; or name, description or tags are invalid; or the
            dataset has changed since files were added to that version.
    """
    name = catalog.checked_name(name)
    description, tags = catalog.checked_description(description), catalog.checked_tags(tags)
    with catalog.CHANGES:
        before = catalog.known(workspace, name)
        manifest = StoredDataset.open(workspace.store, fingerprint).manifest
        parts = (
            corpus_artifact(manifest),
            queries_artifact(manifest),
            qrels_artifact(manifest),
            *(run_artifact(run.id) for run in manifest.runs),
        )
        if not all(map(workspace.store.exists, parts)):
            raise InvalidInputError(
                f"parts of the dataset {fingerprint} are missing in the store; import it again"
            )
        change = ""
        if adds_to is not None:
            before = _unchanged(workspace, name, adds_to)
            name, source = before.name, before.source
            change = datasets.what_was_added(before.manifest, manifest)
        id_ = name_dataset(
            workspace,
            current(workspace),
            name,
            manifest,
            source,
            description=description,
            tags=tags,
            change=change,
            provenance=provenance,
        )
    return catalog.noted_import(workspace, id_, before)


def _unchanged(workspace: Workspace, name: str, fingerprint: str) -> DatasetRow:
    """The dataset with that name, which files add to.

    Raises:
        InvalidInputError: it is not the version with that fingerprint any more.
    """
    row = catalog.find(workspace, name)
    if row.manifest.fingerprint != fingerprint:
        raise InvalidInputError(f"{row.name!r} has changed meanwhile; add the files again")
    return row
