"""Reranking: putting candidates into a new order."""
