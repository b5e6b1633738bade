"""An experiment as something to hand on: its figures as files, and a report that needs nothing else to be read."""
