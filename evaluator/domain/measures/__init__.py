"""Measures of ranked lists, and the policy by which they are computed."""
