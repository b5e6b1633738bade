"""Who people are: accounts, passwords, invitations, sessions, tokens, and the log of what they did."""
