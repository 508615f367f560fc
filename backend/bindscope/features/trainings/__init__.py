"""Controlled training, and the phase diagram over it."""
