"""What people do together: comments, decisions, activity, notifications."""
