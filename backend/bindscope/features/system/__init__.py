"""Liveness, readiness, metrics, and what runs where."""
