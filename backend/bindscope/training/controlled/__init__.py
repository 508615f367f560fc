"""Controlled training: scenes of some objects are shown, scenes of the others are judged."""
