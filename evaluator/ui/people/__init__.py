"""The pages of one's own account, and of everybody who may use the instance."""
