"""Training on rendered scenes. May import compute, analysis, store, encoders, models and domain."""
