"""The REST API, and the queue's dashboard on the same server."""
