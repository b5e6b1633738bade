"""Parts of pages for what people do together: comments, decisions, activity, notifications."""
