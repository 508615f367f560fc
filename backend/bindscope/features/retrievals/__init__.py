"""Retrieval with swapped twins in the gallery."""
