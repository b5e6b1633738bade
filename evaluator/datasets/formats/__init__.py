"""Tables: rows of columns from every kind of file, streamed, each row with its place."""

from evaluator.datasets.formats.readers import members, read

__all__ = ["members", "read"]
