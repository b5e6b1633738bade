"""A backup of an instance: one file, written while the instance runs, and restored into an empty home (ADR 0036)."""
