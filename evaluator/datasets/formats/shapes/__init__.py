"""Reads nested JSON of tools and benchmarks, each shape as flat tables of documents, queries and judgments."""
