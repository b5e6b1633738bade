"""Datasets by name: import, find, describe, rename, delete."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from evaluator.datasets.demo import DEMO_DATASET, write_demo_dataset
from evaluator.datasets.layout import corpus_artifact, manifest_artifact, qrels_artifact, queries_artifact
from evaluator.datasets.runs import run_artifact
from evaluator.datasets.staging.importing import import_dataset
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.names import composed
from evaluator.domain.records import DatasetRow, DatasetVersion, ExperimentRow
from evaluator.domain.variant import Run
from evaluator.errors import InvalidInputError, UnknownNameError
from evaluator.store import datasets, experiments
from evaluator.workspace.memory import Kind
from evaluator.workspace.workspace import Workspace

STORED = Kind("stored datasets", 4)
"""Datasets whose queries and judgments stay in memory."""

Progress = Callable[[int], None]

CHANGES = threading.RLock()
"""Held while a dataset is stored and named, and while unneeded files are removed: datasets share files, and a dataset
that is stored but not named yet looks unneeded."""

MAX_NAME, MAX_DESCRIPTION = 120, 4000
"""Characters."""
MAX_TAGS, MAX_TAG = 20, 40
"""Tags of a dataset; characters of one."""


def import_folder(
    workspace: Workspace, path: Path, name: str | None = None, on_progress: Progress | None = None
) -> DatasetRow:
    """Import a folder under a name (its own, by default).

    Raises:
        InvalidInputError: it holds no valid dataset, or the name cannot be one; nothing is stored.
    """
    folder = path.expanduser().resolve()
    called = checked_name(name or folder.name)
    with CHANGES:
        limit = workspace.settings.unpacked_limit
        manifest = import_dataset(folder, workspace.store, limit=limit, on_progress=on_progress)
        id_ = datasets.save_dataset(workspace.database, called, manifest, source=str(folder))
    return by_id(workspace, id_)


def import_demo(workspace: Workspace) -> DatasetRow:
    """Build and import the demo dataset, unless it is there."""
    with CHANGES:
        if all(row.name != DEMO_DATASET for row in datasets.all_datasets(workspace.database)):
            with tempfile.TemporaryDirectory(prefix="evaluator-demo-") as folder:
                write_demo_dataset(Path(folder))
                manifest = import_dataset(Path(folder), workspace.store)
            source = "Python's standard library"
            datasets.save_dataset(workspace.database, DEMO_DATASET, manifest, source=source)
    return find(workspace, DEMO_DATASET)


def all_datasets(workspace: Workspace) -> list[DatasetRow]:
    """All datasets, newest first."""
    return datasets.all_datasets(workspace.database)


def find(workspace: Workspace, name: str) -> DatasetRow:
    """The dataset of that name.

    Raises:
        UnknownNameError: there is none; lists those there are.
    """
    rows = datasets.all_datasets(workspace.database)
    called = named(rows, name)
    if called is not None:
        return called
    names = ", ".join(row.name for row in rows) or "none yet"
    raise UnknownNameError(f"no dataset is called {name!r}; there are: {names}")


def named(rows: Iterable[DatasetRow], name: str) -> DatasetRow | None:
    """The dataset of that name, if there is one; one that only looks the same counts where none is the same."""
    alike = [row for row in rows if composed(row.name) == composed(name)]
    return next((row for row in alike if row.name == name), alike[0] if alike else None)


def by_id(workspace: Workspace, id_: int) -> DatasetRow:
    """A dataset, whatever it is called by now.

    Raises:
        UnknownNameError: it was deleted meanwhile.
    """
    for row in datasets.all_datasets(workspace.database):
        if row.id == id_:
            return row
    raise UnknownNameError("the dataset was deleted meanwhile")


def resolve(workspace: Workspace, reference: str, *, allow_paths: bool) -> DatasetRow:
    """The dataset that an experiment names: an imported one, the demo's, or a folder to import.

    Args:
        allow_paths: whether a folder may be named; never for what arrives through a browser.

    Raises:
        UnknownNameError: nothing is found.
        DatasetError: the folder holds no valid dataset.
    """
    if named(datasets.all_datasets(workspace.database), reference) is None:
        if reference == DEMO_DATASET:
            return import_demo(workspace)
        if allow_paths and Path(reference).expanduser().is_dir():
            return import_folder(workspace, Path(reference))
    return find(workspace, reference)


def load(workspace: Workspace, row: DatasetRow) -> StoredDataset:
    """The stored dataset behind a name."""
    return StoredDataset.open(workspace.store, row.manifest.fingerprint)


def stored(workspace: Workspace, fingerprint: str) -> StoredDataset:
    """A version of a dataset, with what was read of it before: its parts never change.

    Raises:
        UnknownNameError: it is not in the store.
    """
    return workspace.memory.get(STORED, fingerprint, lambda: StoredDataset.open(workspace.store, fingerprint))


def versions(workspace: Workspace, id_: int) -> list[DatasetVersion]:
    """A dataset's versions, newest first."""
    return datasets.versions(workspace.database, id_)


def used_by(workspace: Workspace, id_: int) -> list[ExperimentRow]:
    """Experiments over any version of a dataset, the last submitted first."""
    return [row for row in experiments.all_experiments(workspace.database) if row.dataset_id == id_]


def siblings(workspace: Workspace, row: DatasetRow) -> list[DatasetRow]:
    """Datasets with the same documents and queries under other names: other splits, other people's judgments."""
    shared = (row.manifest.corpus, row.manifest.queries)
    return [
        other
        for other in datasets.all_datasets(workspace.database)
        if other.id != row.id and (other.manifest.corpus, other.manifest.queries) == shared
    ]


def rename(workspace: Workspace, name: str, to: str) -> DatasetRow:
    """Give a dataset another name; experiments over it follow.

    Raises:
        InvalidInputError: the dataset is unknown, the name cannot be one, or is another's.
    """
    row, to = find(workspace, name), checked_name(to)
    datasets.rename_dataset(workspace.database, row.id, to)
    return by_id(workspace, row.id)


def describe(workspace: Workspace, name: str, description: str, tags: Sequence[str]) -> DatasetRow:
    """Set what people read about a dataset.

    Raises:
        InvalidInputError: the dataset is unknown, or a text too long.
    """
    row = find(workspace, name)
    datasets.describe_dataset(
        workspace.database, row.id, checked_description(description), checked_tags(tags)
    )
    return by_id(workspace, row.id)


def change(workspace: Workspace, name: str, to: str, description: str, tags: Sequence[str]) -> DatasetRow:
    """Rename and describe a dataset, or neither.

    Raises:
        InvalidInputError: as `rename` and `describe`.
    """
    row, to = find(workspace, name), checked_name(to)
    described, tagged = checked_description(description), checked_tags(tags)
    datasets.rename_dataset(workspace.database, row.id, to)
    datasets.describe_dataset(workspace.database, row.id, described, tagged)
    return by_id(workspace, row.id)


def remove(workspace: Workspace, name: str) -> None:
    """Forget a dataset with all of its versions, and remove its files that no other dataset or experiment needs.

    Vectors and indexes stay in the artifact store: they belong to texts, and serve whatever dataset has the same.

    Raises:
        InvalidInputError: it is unknown, or experiments use it; names them.
    """
    with CHANGES:
        row = find(workspace, name)
        gone = [version.manifest for version in datasets.versions(workspace.database, row.id)]
        datasets.remove_dataset(workspace.database, row.id)
        needed = set(_needed(workspace))
        unneeded = dict.fromkeys(artifact for manifest in gone for artifact in _artifacts(manifest))
        for artifact in unneeded:
            if artifact not in needed:
                workspace.store.remove(artifact)


def _needed(workspace: Workspace) -> Iterator[str]:
    """Files of what names point to, and of what experiments ran over."""
    for version in datasets.versions(workspace.database):
        yield from _artifacts(version.manifest)
    for experiment in experiments.all_experiments(workspace.database):
        spec = experiment.spec
        yield manifest_artifact(spec.dataset)
        yield from _artifacts(DatasetManifest(spec.corpus, spec.queries, spec.qrels, 0, 0, 0))[1:]
        leaves = (leaf for variant in spec.variants for leaf in variant.retrieve.leaves())
        yield from (run_artifact(leaf.id) for leaf in leaves if isinstance(leaf, Run) and leaf.id)


def _artifacts(manifest: DatasetManifest) -> tuple[str, ...]:
    """A dataset's files; the manifest first, because where it is, the others are."""
    return (
        manifest_artifact(manifest.fingerprint),
        *(run_artifact(run.id) for run in manifest.runs),
        qrels_artifact(manifest),
        queries_artifact(manifest),
        corpus_artifact(manifest),
    )


def checked_name(name: str) -> str:
    """A name for a dataset, without space around it, in Unicode's composed form (NFC).

    Raises:
        InvalidInputError: it is empty or too long, stands for a folder in addresses, or holds a slash (addresses and
            folders have them) or a control character.
    """
    name = composed(name.strip())
    if not name:
        raise InvalidInputError("a dataset needs a name; give it one")
    if name in (".", ".."):
        raise InvalidInputError(
            f"{name!r} stands for a folder in addresses, so no dataset has that name; choose another"
        )
    if len(name) > MAX_NAME:
        raise InvalidInputError(f"the name {name[:20]!r}... is longer than {MAX_NAME} characters; shorten it")
    if "/" in name or "\\" in name or not name.isprintable():
        raise InvalidInputError(
            f"the name {name!r} holds a slash or a character that cannot be printed; use others"
        )
    return name


def checked_description(description: str) -> str:
    """A description, without space around it.

    Raises:
        InvalidInputError: it is too long.
    """
    if len(description) > MAX_DESCRIPTION:
        raise InvalidInputError(
            f"the description has {len(description):,} characters; shorten it to {MAX_DESCRIPTION:,}"
        )
    return description.strip()


def checked_tags(tags: Sequence[str]) -> tuple[str, ...]:
    """Tags, each once and without space around it.

    Raises:
        InvalidInputError: there are too many, or one is too long.
    """
    distinct = tuple(dict.fromkeys(tag.strip() for tag in tags if tag.strip()))
    if len(distinct) > MAX_TAGS:
        raise InvalidInputError(f"{len(distinct)} tags are more than the {MAX_TAGS} a dataset may have")
    for tag in distinct:
        if len(tag) > MAX_TAG or not tag.isprintable():
            raise InvalidInputError(f"the tag {tag[:MAX_TAG]!r} is no word of {MAX_TAG} characters at most")
    return distinct


def register(
    workspace: Workspace, name: str, fingerprint: str, source: str, description: str, tags: Sequence[str]
) -> DatasetRow:
    """Give a dataset that is in the artifact store a name; if another has it, this is its next version.

    Raises:
        InvalidInputError: it is not there, whole; or the name, the description or a tag is not valid.
    """
    named = checked_name(name)
    described, tagged = checked_description(description), checked_tags(tags)
    with CHANGES:
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
        id_ = datasets.save_dataset(workspace.database, named, manifest, source, described, tagged)
    return by_id(workspace, id_)
