"""The concepts of the field: datasets, variants, experiments, rankings, measures. This package does no I/O."""
