"""What pages are made of: a folder a page, and `shell` for what all of them share."""
