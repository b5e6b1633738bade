"""Who may connect: the guard before everything, the pages to sign in, and the routes of accounts and tokens."""
