"""Analyses on arrays: no encoder, no store, no HTTP. May import scenes and core."""
