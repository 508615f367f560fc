"""Whether a model answers as it should."""
