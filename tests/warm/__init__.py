"""Python processes that are forked from one that has imported everything, for tests that start many.

To start Python and to import what a worker or a server needs takes seconds of a processor, more than most tests use
otherwise. A fork is a process of its own all the same: it has its own id, dies alone, and shares nothing it changes.
"""
