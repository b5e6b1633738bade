"""Encoders: their names are resolved without loading a model; only workers load models."""
