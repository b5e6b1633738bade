"""Search: lexical, dense, sparse, late interaction, and the indexes that it reads."""
