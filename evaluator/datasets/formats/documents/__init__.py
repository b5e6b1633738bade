"""Extracts title and text of a file that is one document: HTML, PDF, and the files of office programs."""
