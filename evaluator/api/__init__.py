"""The REST API, and the queue's dashboard under the same address."""
