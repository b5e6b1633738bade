"""The texts of documents, passages and queries."""
