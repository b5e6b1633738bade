"""What people do together: deeds, comments, decisions, notifications."""
