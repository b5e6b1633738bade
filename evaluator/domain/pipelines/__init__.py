"""Pipelines of several variants: names resolved, common searches found."""
