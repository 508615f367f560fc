"""Torch modules: the transformers of controlled training. May import scenes and core only; imports torch at once."""
