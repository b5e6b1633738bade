"""What browsers are told to keep to."""
