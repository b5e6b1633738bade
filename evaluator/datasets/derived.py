"""Removes artifacts derived from a dataset's rows before the file with these rows is written again.

The fingerprint of a corpus, or of queries, does not depend on the order of rows. If a file was deleted or damaged and
the same content is imported again, its rows may be in another order than in the file from which matrices, indexes and
ranked lists were made.
"""

from __future__ import annotations

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.layout import corpus_artifact, queries_artifact
from evaluator.domain.dataset import DatasetManifest


def remove_derived(store: ArtifactStore, manifest: DatasetManifest) -> None:
    """Remove what was derived from documents or queries whose file is missing or damaged; vectors of texts stay."""
    if not store.is_whole(corpus_artifact(manifest)):
        for passages in store.names(f"passages/{manifest.corpus}"):
            store.remove_folder(f"indexes/{passages.removesuffix('.parquet')}")
        store.remove_folder(f"passages/{manifest.corpus}")
        store.remove_folder(f"indexes/{manifest.corpus}")
        if store.exists(f"texts/{manifest.corpus}.arrow"):
            store.remove(f"texts/{manifest.corpus}.arrow")
    if not store.is_whole(queries_artifact(manifest)):
        store.remove_folder(f"indexes/{manifest.queries}")
        if store.exists(
            queries_artifact(manifest)
        ):  # if the file was deleted, no experiment over these queries is left
            store.remove_folder("candidates")
