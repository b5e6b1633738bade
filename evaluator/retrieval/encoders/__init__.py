"""Encoders: names are resolved without loading a model; models are loaded by workers only."""
