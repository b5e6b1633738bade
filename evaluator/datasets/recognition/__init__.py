"""What the files in a folder are, and how they are read as a dataset."""
