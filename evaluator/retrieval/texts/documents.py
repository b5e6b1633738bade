"""Documents' texts by row, for rerankers that read them: one memory-mapped file, of which only what is read is loaded.

texts/<corpus>.arrow    content; in the order of the corpus
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.stored import StoredDataset

SCHEMA = pa.schema([pa.field("content", pa.large_string(), nullable=False)])


def texts_name(dataset: StoredDataset) -> str:
    """The artifact of a corpus's texts."""
    return f"texts/{dataset.manifest.corpus}.arrow"


def build_texts(dataset: StoredDataset, store: ArtifactStore) -> None:
    """Write the texts of a corpus, title and text joined."""

    def write(path: Path) -> None:
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, SCHEMA) as writer:
            for batch in dataset.corpus_batches(("title", "text")):
                titles, texts = (column.to_pylist() for column in batch.columns)
                contents = [f"{title} {text}".strip() for title, text in zip(titles, texts, strict=True)]
                writer.write_batch(pa.record_batch([pa.array(contents, pa.large_string())], schema=SCHEMA))

    store.put(texts_name(dataset), write)


class DocumentTexts:
    """A corpus's texts.

    Raises:
        ArtifactMissingError: they are not written yet.
    """

    def __init__(self, dataset: StoredDataset, store: ArtifactStore) -> None:
        with pa.memory_map(str(store.local_path(texts_name(dataset)))) as source:
            self._contents = pa.ipc.open_file(source).read_all()["content"]
        self._rows = {doc_id: row for row, doc_id in enumerate(dataset.doc_ids)}

    def __contains__(self, doc_id: object) -> bool:
        return doc_id in self._rows

    def read(self, doc_ids: Sequence[str]) -> list[str]:
        """The texts of these documents; empty for one that the corpus lacks (a run made elsewhere may name it)."""
        rows = [self._rows.get(doc_id) for doc_id in doc_ids]
        return ["" if row is None else self._contents[row].as_py() for row in rows]
