"""The shapes of files that people bring, all with the same content, so that the right values are the same for all."""
