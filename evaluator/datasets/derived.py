"""Artifacts made from a dataset's rows are removed before the file of the rows is written again.

A corpus, and queries, have the same fingerprint in any order. Where a file was deleted or damaged, and the same content
comes again, its rows may lie in another order than those that matrices, indexes and lists were made of.
"""

from __future__ import annotations

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.layout import corpus_artifact, queries_artifact
from evaluator.domain.dataset import DatasetManifest


def remove_derived(store: ArtifactStore, manifest: DatasetManifest) -> None:
    """Remove what was made of documents or queries whose file is not there, undamaged; vectors of texts stay."""
    if not store.is_whole(corpus_artifact(manifest)):
        for passages in store.names(f"passages/{manifest.corpus}"):
            store.remove_folder(f"indexes/{passages.removesuffix('.parquet')}")
        store.remove_folder(f"passages/{manifest.corpus}")
        store.remove_folder(f"indexes/{manifest.corpus}")
        if store.exists(f"texts/{manifest.corpus}.arrow"):
            store.remove(f"texts/{manifest.corpus}.arrow")
    if not store.is_whole(queries_artifact(manifest)):
        store.remove_folder(f"indexes/{manifest.queries}")
        if store.exists(queries_artifact(manifest)):  # deleted queries have no experiments any more
            store.remove_folder("candidates")
