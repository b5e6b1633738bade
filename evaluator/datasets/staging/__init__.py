"""From files to stored Parquet: fetches, unpacks, reads, checks and publishes datasets."""
