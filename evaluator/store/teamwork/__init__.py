"""SQL over comments, decisions and notifications."""
