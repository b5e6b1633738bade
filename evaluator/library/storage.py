"""Files of datasets: naming what is stored, and removing what nothing needs any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from evaluator.datasets.layout import manifest_artifact
from evaluator.datasets.runs import run_artifact
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.variant import Run
from evaluator.errors import QuotaReachedError
from evaluator.library.quotas import artifacts, require_room, sizes
from evaluator.store import datasets, experiments
from evaluator.workspace.workspace import Workspace


def name_dataset(
    workspace: Workspace, project: str, name: str, manifest: DatasetManifest, source: str, **options: Any
) -> int:
    """Give a stored dataset a name in a project, as `store.datasets.save_dataset` does; returns its id.

    Raises:
        QuotaReachedError: the project has no room for it; files that nothing else needs are removed.
    """
    try:
        require_room(workspace, project, sizes(workspace.store, artifacts(manifest)))
    except QuotaReachedError:
        remove_unneeded(workspace, artifacts(manifest))
        raise
    return datasets.save_dataset(workspace.database, project, name, manifest, source, **options)


def remove_unneeded(workspace: Workspace, parts: Iterable[str]) -> None:
    """Remove those of some files that no dataset and no experiment needs."""
    needed = set(needed_artifacts(workspace))
    for artifact in dict.fromkeys(parts):
        if artifact not in needed:
            workspace.store.remove(artifact)


def needed_artifacts(workspace: Workspace) -> Iterator[str]:
    """The files of all named datasets in all versions, and of all datasets that experiments used."""
    for version in datasets.versions(workspace.database):
        yield from artifacts(version.manifest)
    for experiment in experiments.all_experiments(workspace.database):
        spec = experiment.spec
        yield manifest_artifact(spec.dataset)
        yield from artifacts(DatasetManifest(spec.corpus, spec.queries, spec.qrels, 0, 0, 0))[1:]
        leaves = (leaf for variant in spec.variants for leaf in variant.retrieve.leaves())
        yield from (run_artifact(leaf.id) for leaf in leaves if isinstance(leaf, Run) and leaf.id)
