"""The texts that encoders see: a dataset's queries, its documents, or the passages that documents are cut into.

Nothing is read before it is asked for: passages have a name before they are cut.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from evaluator.datasets.stored import StoredDataset
from evaluator.domain.fingerprint import TEXT_KEY_BYTES
from evaluator.retrieval.encoders.protocol import Role

KEY = pa.binary(TEXT_KEY_BYTES)


@dataclass(frozen=True)
class TextSet:
    """Texts of one role, in the order of the rows that are made of them.

    Attributes:
        part: fingerprint of what they are; names artifacts.
        role: selects the model's prompt.
        read_size: the number of texts.
        read_keys: the key of each text, 16 bytes.
        read_texts: the texts.
    """

    part: str
    role: Role
    read_size: Callable[[], int]
    read_keys: Callable[[], list[bytes]]
    read_texts: Callable[[], Iterator[str]]

    def keys(self) -> pa.Array:
        """The key of each text: [n_texts] of 16 bytes."""
        return pa.array(self.read_keys(), KEY)


def query_texts(dataset: StoredDataset) -> TextSet:
    """A dataset's queries."""
    return TextSet(
        part=dataset.manifest.queries,
        role="query",
        read_size=lambda: dataset.manifest.n_queries,
        read_keys=lambda: dataset.query_keys,
        read_texts=lambda: (query.text for query in dataset.queries),
    )


def document_texts(dataset: StoredDataset) -> TextSet:
    """A dataset's documents, whole."""
    return TextSet(
        part=dataset.manifest.corpus,
        role="document",
        read_size=lambda: dataset.manifest.n_documents,
        read_keys=dataset.document_keys,
        read_texts=lambda: (document.content for document in dataset.documents()),
    )
