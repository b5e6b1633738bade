"""Commands for people: accounts, projects and share links."""
