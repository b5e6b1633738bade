"""One query's ranked lists, side by side."""
