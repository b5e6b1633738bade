"""Statistics over queries: intervals, tests, power, similarity of lists."""
