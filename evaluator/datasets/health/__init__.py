"""The health report: what is wrong with a dataset, or worth knowing."""
