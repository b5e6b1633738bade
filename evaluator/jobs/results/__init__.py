"""What workers hand over: a stream of records, and those that could not be recorded."""
