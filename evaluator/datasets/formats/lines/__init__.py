"""Reads files whose lines have a meaning of their own: judgments, ranked lists, records of SMART and TIME."""
