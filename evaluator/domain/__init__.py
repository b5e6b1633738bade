"""The field's own ideas, pure: datasets, variants, experiments, rankings, measures. No I/O here."""
