"""The kinds of long work: how each is cut into cells, what a worker does with them, and what they add up to."""
