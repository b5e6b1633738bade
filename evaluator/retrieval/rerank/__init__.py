"""Reranking: candidates in, the same in a new order out."""
