"""How a dataset is laid out in the artifact store: names and Parquet schemas of its parts.

A part is named by its own fingerprint, so datasets with the same corpus, queries or qrels share the file.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from evaluator.domain.dataset import DatasetManifest
from evaluator.domain.fingerprint import TEXT_KEY_BYTES

DATASETS: Final = "datasets"

KEY = pa.field("key", pa.binary(TEXT_KEY_BYTES), nullable=False)
"""`text_key` of a document's content or a query's text: the key under which its vector is stored."""


def _text(name: str) -> pa.Field:
    return pa.field(name, pa.string(), nullable=False)


CORPUS_SCHEMA = pa.schema([_text("doc_id"), _text("title"), _text("text"), KEY])
QUERIES_SCHEMA = pa.schema(
    [
        _text("query_id"),
        _text("text"),
        pa.field("tags", pa.list_(pa.string())),
        pa.field("excluded", pa.list_(pa.string())),
        KEY,
    ]
)
"""Files of earlier versions have no column `excluded`: no query excluded a document."""
QRELS_SCHEMA = pa.schema([_text("query_id"), _text("doc_id"), pa.field("grade", pa.int32(), nullable=False)])


def corpus_artifact(manifest: DatasetManifest) -> str:
    """The corpus's Parquet file."""
    return f"corpora/{manifest.corpus}.parquet"


def queries_artifact(manifest: DatasetManifest) -> str:
    """The queries' Parquet file."""
    return f"queries/{manifest.queries}.parquet"


def qrels_artifact(manifest: DatasetManifest) -> str:
    """The qrels' Parquet file."""
    return f"qrels/{manifest.qrels}.parquet"


def manifest_artifact(fingerprint: str) -> str:
    """The manifest, as JSON. It is written last: if it exists, so do the parts."""
    return f"{DATASETS}/{fingerprint}.json"
