"""Vectors: encoded once, kept, counted."""
