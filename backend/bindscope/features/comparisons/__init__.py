"""A board of models on the same scenes, and where two of them differ."""
