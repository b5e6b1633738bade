"""REST routes of what people do together."""
