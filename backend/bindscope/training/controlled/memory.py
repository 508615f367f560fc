"""How much memory a run takes, so that one that cannot fit is refused before it starts."""

from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.controlled import ControlledConfig

#: What Python with torch takes before any training.
_BASE = 800_000_000
_FLOAT = 4
#: Copies of the weights: weights, gradients, two moments, and two of a checkpoint on its way to the disk.
_COPIES = 6 + 2
#: Scenes, or queries, in one forward pass of an evaluation, and scores in one chunk (float64, with the masks).
_PASS, _SCORES = 1024, 4_000_000 * 8 * 5


def memory_needed(config: ControlledConfig, space: ConceptSpace) -> int:
    """Bytes that a run takes at its peak on the CPU, torch itself included: an estimate, meant to be a little high."""
    total, parameters = space.object_count, parameter_count(config, space)
    block = 1 if config.tokens == "objects" else len(space.values) + 2
    length = block * config.objects + 1
    if config.inputs == "images":
        length = (config.pixels // config.patch) ** 2
    queries = min(
        total,
        config.queries + config.batch * (config.swap_negatives + config.perturbed_negatives + config.random_negatives),
    )
    tokens = config.batch * length + queries * (block + 1)
    # Kept for the backward pass in each layer: two norms, queries, keys and values, attention, two sums, hidden units.
    hidden = (3 if config.activation == "gelu" else 4) * config.feedforward
    kept = tokens * config.layers * (9 * config.width + hidden)
    forward = _PASS * length * (6 * config.width + hidden)
    if config.inputs == "images":
        # Convolutions down to patches: each has a quarter of the places of the one before and twice its channels.
        kept += config.batch * config.pixels**2 * config.width // 2
        forward += _PASS * config.pixels**2 * config.width // 4
    logits = 6 * config.batch * (queries + sum(space.values))
    table = total * (config.dim * 2 + 10)
    scores = min(_SCORES, 8 * 5 * config.test_scenes * total)
    # Evaluation scenes are kept as tokens or pictures, with their labels and vectors; drawing takes as much again.
    scene = 3 * config.pixels**2 if config.inputs == "images" else 8 * length
    scene = 2 * (scene + 24 * config.objects * len(space.values)) + _FLOAT * config.dim
    held = scene * (2 * config.evaluation_scenes + config.test_scenes)
    return _BASE + _FLOAT * (parameters * _COPIES + max(kept + logits, forward) + table) + scores + held


def parameter_count(config: ControlledConfig, space: ConceptSpace) -> int:
    """Weights of both encoders: exact to a percent for tokens; of pictures, the convolutions are left out."""
    maps = 2 if config.activation == "gelu" else 3
    block = config.width * (4 * config.width + maps * config.feedforward + 9) + (maps - 1) * config.feedforward
    vocabulary = sum(space.values) + 3
    return 2 * (config.layers * block + config.width * (vocabulary + config.dim + 1))
