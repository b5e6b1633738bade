"""The queue: jobs, workers that stay warm, their supervisor, and the stream of results."""
