"""Figures: pure functions from an answer to a plotly figure, and its text for those who cannot see it."""
