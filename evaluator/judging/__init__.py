"""Relevance judgments: edited by people, and experiments rescored by them."""
