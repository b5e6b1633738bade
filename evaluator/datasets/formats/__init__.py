"""Tables: streams the rows of every kind of file, each row with its place."""

from evaluator.datasets.formats.readers import members, read

__all__ = ["members", "read"]
