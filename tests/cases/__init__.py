"""Cases from the field: what people brought to public trackers of retrieval evaluation, each with what is right."""
