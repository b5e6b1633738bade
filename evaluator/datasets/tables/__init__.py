"""Tables: rows of columns from every kind of file, streamed, each row with its place."""

from evaluator.datasets.tables.reading import members, read

__all__ = ["members", "read"]
