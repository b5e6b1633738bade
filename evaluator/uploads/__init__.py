"""Uploads: files are received, unpacked, recognised, checked, and stored as a dataset."""
