"""Measures of ranked lists, and the ranking policy by which they are computed."""
