"""Compare embedding models and retrieval strategies on your own data."""

__version__ = "0.1.0"
