"""Running and watching an instance: starting it, keeping it, its queue, its metrics, its health."""
