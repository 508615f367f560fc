"""Settings of controlled trainings that take a second or two."""

SMALL = {
    "space": "grid-2x4",
    "coverage": 0.6,
    "width": 16,
    "layers": 1,
    "heads": 2,
    "feedforward": 32,
    "dim": 16,
    "batch": 32,
    "evaluation_scenes": 32,
    "test_scenes": 64,
}
