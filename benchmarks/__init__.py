"""Benchmarks: each compares on the same work in one run, prints a ratio or a bound, and can fail."""
