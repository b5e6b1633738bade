"""Describing, planning, starting, following and cancelling experiments."""
