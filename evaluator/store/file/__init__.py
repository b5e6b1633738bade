"""The DuckDB file: opened, read, written, checked."""
