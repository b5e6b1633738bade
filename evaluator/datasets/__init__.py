"""Datasets: readers of the formats people have, one writer of canonical Parquet, and the demo dataset."""
