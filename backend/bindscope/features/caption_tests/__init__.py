"""Public tests of compositional captions, from the files that a user has."""
