"""Torch modules: the transformers of controlled training. May import domain only; torch is imported at the top."""
