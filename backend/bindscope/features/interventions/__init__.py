"""Interventions: replace an object in embedding space."""
