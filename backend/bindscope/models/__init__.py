"""Torch modules: the transformers of controlled training. May import scenes and core only; torch is imported at the top."""
