"""Experiments: described, planned, started, followed, cancelled."""
