"""Files on their way to become a dataset: received, unpacked, recognised, checked."""
