"""Models behind an OpenAI-compatible HTTP interface."""
