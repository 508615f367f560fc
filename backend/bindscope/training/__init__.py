"""Training on rendered scenes. May import analysis, store, encoders, models, scenes and core."""
