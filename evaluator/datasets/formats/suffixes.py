"""Which end of a file's name stands for which kind of file: the only place that says so. All are in small letters."""

from __future__ import annotations

from collections.abc import Mapping

from evaluator.datasets.reading import Kind

TABLES: Mapping[str, Kind] = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".xls": "excel",
}
"""Files whose kind is beyond doubt by their name."""
JSON = ".json"
"""One value, or one object a line."""
TABS = (".tsv", ".tab")
"""Columns divided by tabs: a table, or qrels."""

PLAIN_TEXTS = frozenset({".txt", ".text"})
"""One text, or a file of SMART or TREC."""
OTHER_TEXTS = frozenset({".md", ".markdown", ".html", ".htm", ".pdf"})
"""One text, and nothing else."""

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.zst")
"""Several files in one."""
COMPRESSED = (".gz", ".zst")
"""A single file; the rest of its name says what it is."""
