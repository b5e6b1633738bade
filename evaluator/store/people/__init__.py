"""SQL over accounts, what they may do, how they sign in, and what they did."""
