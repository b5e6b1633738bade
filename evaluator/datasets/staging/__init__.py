"""From files to stored Parquet: fetched, unpacked, read, checked, published."""
