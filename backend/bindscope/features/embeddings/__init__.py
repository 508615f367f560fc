"""Vectors of scenes, texts and pictures."""
