"""The queue's server, Redis or Valkey: where it is, and whether it can hold our queue."""
