"""Concept spaces."""
