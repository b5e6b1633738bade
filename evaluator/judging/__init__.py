"""Relevance judgments: people edit them, and experiments are rescored."""
