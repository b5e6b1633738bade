"""The artifact store: immutable files under content-addressed names, and their digests."""
