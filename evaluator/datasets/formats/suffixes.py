"""The kind of a file by its suffix; no other module decides this. All suffixes are in lower case."""

from __future__ import annotations

from collections.abc import Mapping

from evaluator.datasets.reading import Kind

TABLES: Mapping[str, Kind] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
}
"""Suffixes that determine the kind of a table."""
JSON = ".json"
"""One value, or one object per line."""
TABS = (".tsv", ".tab")
"""Columns separated by tabs: a table, or qrels."""

DESCRIPTIONS = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})
"""Names of files that Hugging Face's `datasets` writes beside its tables."""

PLAIN_TEXTS = frozenset({".txt", ".text"})
"""A single text, or a file in a format of SMART or TREC."""
PACKED = frozenset({".pdf", ".docx", ".pptx", ".odt"})
"""Always a single text, and no plain text."""
OTHER_TEXTS = frozenset({".md", ".markdown", ".html", ".htm"}) | PACKED
"""Always a single text."""

ARCHIVES = (
    *(".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst"),
    *(".tar.bz2", ".tbz2", ".tbz", ".tar.xz", ".txz"),
)
"""Archives of several files."""
COMPRESSED = (".gz", ".zst", ".bz2", ".xz")
"""A single compressed file; the rest of its name says what kind of file it is."""
