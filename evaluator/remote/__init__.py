"""An instance, as commands see it: the database here, or a running server."""
