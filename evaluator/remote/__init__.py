"""The same calls here, or through a running instance."""
