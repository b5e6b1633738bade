"""An experiment to share: its figures as files, and a self-contained report."""
