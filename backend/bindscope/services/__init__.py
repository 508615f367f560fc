"""Use cases: each joins encoders, store and analysis for one noun. ``assembly`` alone picks the real parts."""
