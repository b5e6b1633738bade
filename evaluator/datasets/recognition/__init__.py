"""Recognises the files in a folder and how they can be read as a dataset."""
