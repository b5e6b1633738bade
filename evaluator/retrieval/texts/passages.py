"""Passages: what a chunking makes of a corpus, cut once and stored.

passages/<corpus>/<cutting>.parquet    document (row of the corpus), text, key; in the order of the corpus
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from evaluator.artifacts.store import ArtifactStore
from evaluator.datasets.stored import StoredDataset
from evaluator.domain.experiment import EncoderSpec
from evaluator.domain.fingerprint import fingerprint, text_key
from evaluator.domain.ranking import Ints
from evaluator.domain.variant import Chunk
from evaluator.retrieval.texts.chunking import cutting_version, open_cutter
from evaluator.retrieval.texts.encoder_texts import KEY, TextSet

SCHEMA = pa.schema(
    [
        pa.field("document", pa.int64(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("key", KEY, nullable=False),
    ]
)
ROW_GROUP = 4096


def cutting(chunk: Chunk, encoder: EncoderSpec | None, dataset: StoredDataset) -> str:
    """Fingerprint of a corpus's passages: how documents are cut, and in whose tokens. Scoring is no part of it."""
    tokens = None if encoder is None else encoder.tokenizer
    how = {"by": chunk.by, "size": chunk.size, "overlap": chunk.overlap, "version": cutting_version()}
    return fingerprint({**how, "tokens": tokens, "corpus": dataset.manifest.corpus})


def passages_name(chunk: Chunk, encoder: EncoderSpec | None, dataset: StoredDataset) -> str:
    """The artifact of a corpus's passages."""
    return f"passages/{dataset.manifest.corpus}/{cutting(chunk, encoder, dataset)}.parquet"


def build_passages(
    chunk: Chunk, encoder: EncoderSpec | None, dataset: StoredDataset, store: ArtifactStore
) -> None:
    """Cut every document and store the passages; a document has at least one, which may be empty.

    Args:
        encoder: in whose tokens a passage is measured; None for words.
    """

    def write(path: Path) -> None:
        cut = open_cutter(chunk, encoder, store)
        with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
            rows: list[tuple[int, str, bytes]] = []
            for number, document in enumerate(dataset.documents()):
                rows += [(number, text, text_key(text)) for text in cut(document.content) or [""]]
                if len(rows) >= ROW_GROUP:
                    writer.write_table(_table(rows))
                    rows = []
            writer.write_table(_table(rows))

    store.put(passages_name(chunk, encoder, dataset), write)


def _table(rows: list[tuple[int, str, bytes]]) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ((), (), ())
    arrays = [pa.array(values, kind) for values, kind in zip(columns, SCHEMA.types, strict=True)]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def passage_texts(
    chunk: Chunk, encoder: EncoderSpec | None, dataset: StoredDataset, store: ArtifactStore
) -> TextSet:
    """The passages as texts to encode; reading them raises `ArtifactMissingError` until they are cut."""
    path = partial(store.local_path, passages_name(chunk, encoder, dataset))
    return TextSet(
        part=cutting(chunk, encoder, dataset),
        role="document",
        read_size=lambda: int(pq.ParquetFile(path()).metadata.num_rows),
        read_keys=lambda: _column(path(), "key"),
        read_texts=lambda: _texts(path()),
    )


def documents_of_passages(
    chunk: Chunk, encoder: EncoderSpec | None, dataset: StoredDataset, store: ArtifactStore
) -> Ints:
    """The row of each passage's document, ascending: [n_passages] int64.

    Raises:
        ArtifactMissingError: they are not cut yet.
    """
    path = store.local_path(passages_name(chunk, encoder, dataset))
    return np.asarray(_column(path, "document"), dtype=np.int64)


def _texts(path: Path) -> Iterator[str]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["text"]):
            yield from batch.column(0).to_pylist()


def _column(path: Path, name: str) -> list[Any]:
    values: list[Any] = pq.read_table(path, columns=[name])[name].to_pylist()
    return values
