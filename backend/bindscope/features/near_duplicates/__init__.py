"""Captions whose meanings differ and whose embeddings do not."""
