"""What a process that owns the database works with: database, artifact store, queue, and a memory of results."""
