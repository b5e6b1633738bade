"""Processes of an instance: supervisor, workers, the embedded Valkey."""
