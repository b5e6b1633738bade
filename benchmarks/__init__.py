"""Measurements: each compares in one run on the same work, prints a ratio or a bound, and can come out badly."""
