"""DuckDB: its only owner, migrations, the recorder, and all SQL."""
