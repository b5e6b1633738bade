"""Access to an instance for commands: through its database, or through a running server."""
