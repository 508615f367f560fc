"""Watch, stop and resume long work."""
