"""Controlled training: what a run is, and settings that are known to work (docs/methods/trainings.md)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Literal, get_args

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.scenes.concepts import ConceptSpace, grid_space, space_from_mapping
from bindscope.scenes.scene import MAX_OBJECTS

Inputs = Literal["tokens", "images"]
Negatives = Literal["seen", "all"]
Positions = Literal["sinusoids", "near"]
Tokens = Literal["values", "objects"]
Activation = Literal["gelu", "gated"]

_MOST = {
    "width": 4096,
    "layers": 64,
    "heads": 64,
    "feedforward": 16_384,
    "dim": 4096,
    "batch": 65_536,
    "evaluation_scenes": 100_000,
    "test_scenes": 100_000,
}


@dataclass(frozen=True)
class ControlledConfig:
    """One run: a scene encoder and a query encoder trained on scenes of some objects, judged on scenes of others."""

    #: Name of a concept space; ``grid-CxV`` has C concepts with V values each.
    space: str = "grid-2x20"
    #: Share of the objects that training sees, in (0, 1).
    coverage: float = 0.8
    #: Of the split, the weights and the order of the data.
    seed: int = 0
    #: What the scene encoder reads: concept tokens, or pictures of the scenes.
    inputs: Inputs = "tokens"
    #: Most objects in a scene, 1 to 6. A batch holds equally many scenes of each number of objects.
    objects: int = 2
    #: Width, depth, attention heads and hidden units of both transformers.
    width: int = 64
    layers: int = 2
    heads: int = 4
    feedforward: int = 256
    #: What a token is: one ``values`` of one concept (published), which leaves it to attention to find out which values
    #: belong to one object, or one ``objects``, the sum of its values' embeddings, as a patch of a picture holds them.
    tokens: Tokens = "objects"
    #: Between the two maps of a feed-forward: ``gelu`` (published), or ``gated``, the product of two linear maps.
    activation: Activation = "gated"
    #: How tokens know their place: fixed ``sinusoids`` (published), or ``near``: learned positions and heads that
    #: prefer close tokens, with which small models learn binding in minutes (tokens only).
    positions: Positions = "near"
    #: Length of the embeddings.
    dim: int = 64
    #: Optimiser steps, and scenes in each.
    steps: int = 2000
    batch: int = 256
    #: AdamW; ``warmup`` is the share of steps over which the rate grows, then it falls in a line to 0.
    learning_rate: float = 1e-3
    weight_decay: float = 0.1
    #: AdamW's memory of squared gradients; the published 0.999 is slow to notice that binding has begun.
    beta2: float = 0.98
    warmup: float = 0.1
    #: Negatives made from each scene: one object takes a value of another object of the scene.
    swap_negatives: int = 1
    #: One object with one concept at another value.
    perturbed_negatives: int = 0
    #: Any object.
    random_negatives: int = 0
    #: ``seen`` keeps the negatives to training objects; ``all`` (published) pushes unseen objects away as well.
    negatives: Negatives = "seen"
    #: Most objects, and most concept values, of the batch itself that are queried in a step.
    queries: int = 64
    #: The scale of the cosines is learned, from ``start_scale`` (published: exp(1.15)) up to ``max_scale``.
    start_scale: float = 10.0
    max_scale: float = 30.0
    #: Steps between two evaluations, and between two checkpoints.
    evaluate_every: int = 200
    checkpoint_every: int = 500
    #: Scenes of each kind in an evaluation, and in the final one.
    evaluation_scenes: int = 256
    test_scenes: int = 1000
    #: Side of the pictures and of a patch (``inputs="images"`` only).
    pixels: int = 48
    patch: int = 8

    def __post_init__(self) -> None:
        _check_names(self)
        if not 0 < self.coverage < 1:
            raise InvalidInput(f"coverage must lie between 0 and 1, both excluded, got {self.coverage}.")
        if not 1 <= self.objects <= MAX_OBJECTS:
            raise InvalidInput(f"objects must be between 1 and {MAX_OBJECTS}, got {self.objects}.")
        _check_sizes(self)
        if self.width % self.heads or self.width % 2:
            raise InvalidInput(f"width must be even and a multiple of heads, got {self.width} and {self.heads}.")
        if self.batch < self.objects:
            raise InvalidInput(f"batch must be at least objects ({self.objects}), got {self.batch}.")
        for name in ("learning_rate", "start_scale", "max_scale"):
            if not 0 < getattr(self, name) <= 1000:
                raise InvalidInput(f"{name} must be above 0 and at most 1000, got {getattr(self, name)}.")
        if not 0 < self.beta2 < 1:
            raise InvalidInput(f"beta2 must lie between 0 and 1, both excluded, got {self.beta2}.")
        if not 0 <= self.weight_decay <= 10 or not 0 <= self.warmup <= 1:
            raise InvalidInput("weight_decay must lie in 0 to 10 and warmup, a share of the steps, in 0 to 1.")
        if self.inputs == "images":
            _check_pixels(self.pixels, self.patch)

    @property
    def group_sizes(self) -> tuple[int, ...]:
        """Scenes of a batch with 1, 2, ... ``objects`` objects; what does not divide goes to the larger ones."""
        share, rest = divmod(self.batch, self.objects)
        return tuple(share + (n >= self.objects - rest) for n in range(self.objects))


def _check_names(config: ControlledConfig) -> None:
    if config.inputs not in get_args(Inputs):
        raise UnknownName("inputs", config.inputs, get_args(Inputs))
    if config.tokens not in get_args(Tokens):
        raise UnknownName("tokens", config.tokens, get_args(Tokens))
    if config.activation not in get_args(Activation):
        raise UnknownName("activation", config.activation, get_args(Activation))
    if config.positions not in get_args(Positions):
        raise UnknownName("positions", config.positions, get_args(Positions))
    if config.negatives not in get_args(Negatives):
        raise UnknownName("negatives", config.negatives, get_args(Negatives))


def _check_pixels(pixels: int, patch: int) -> None:
    if patch not in (2, 4, 8, 16, 32):
        raise InvalidInput(f"patch must be 2, 4, 8, 16 or 32, got {patch}.")
    if pixels % patch or not 16 <= pixels <= 256:
        raise InvalidInput(f"pixels must be 16 to 256 and a multiple of patch ({patch}), got {pixels}.")


def _check_sizes(config: ControlledConfig) -> None:
    positive = ("steps", "queries", "evaluate_every", "checkpoint_every", "patch")
    for name in (*positive, *_MOST):
        most = _MOST.get(name, 10_000_000)
        if not 1 <= getattr(config, name) <= most:
            raise InvalidInput(f"{name} must be between 1 and {most}, got {getattr(config, name)}.")
    for name in ("swap_negatives", "perturbed_negatives", "random_negatives"):
        if not 0 <= getattr(config, name) <= 64:
            raise InvalidInput(f"{name} must be between 0 and 64, got {getattr(config, name)}.")
    if not 0 <= config.seed < 2**63:
        raise InvalidInput(f"seed must be between 0 and 2**63 - 1, got {config.seed}.")


_PUBLISHED = ControlledConfig(
    tokens="values",
    activation="gelu",
    width=256,
    layers=6,
    heads=4,
    feedforward=2048,
    dim=64,
    steps=50_000,
    batch=512,
    learning_rate=3e-5,
    weight_decay=0.1,
    beta2=0.999,
    warmup=0.1,
    positions="sinusoids",
    swap_negatives=1,
    negatives="all",
    start_scale=3.158,
    max_scale=10.0,
    evaluate_every=1000,
    checkpoint_every=2000,
)

#: Small encoders that learn binding in minutes of one core, where the objects they see are many enough.
_LAPTOP = ControlledConfig(
    space="grid-2x16",
    coverage=0.9,
    feedforward=128,
    steps=6000,
    batch=64,
    learning_rate=3e-3,
    swap_negatives=2,
    random_negatives=1,
    max_scale=20.0,
    evaluate_every=250,
    checkpoint_every=1000,
)

#: Named settings.
PRESETS: Mapping[str, ControlledConfig] = {
    "laptop": _LAPTOP,
    "laptop-sparse": replace(_LAPTOP, coverage=0.2),
    "images": replace(
        _LAPTOP, space="shapes2d", inputs="images", coverage=0.8, steps=4000, learning_rate=2e-3, evaluate_every=200
    ),
    "published": _PUBLISHED,
}

#: What to expect of each.
PRESET_NOTES: Mapping[str, str] = {
    "laptop": "256 objects, 90 % of them seen: binding score of unseen objects 94 % (n = 20, chance 50 %), in one to "
    "two minutes of one core.",
    "laptop-sparse": "The same with 20 % of the objects seen: binding score of unseen objects 53 % (n = 154): they are "
    "not bound.",
    "images": "A small vision transformer over rendered scenes, 80 of 100 objects seen, in some twenty minutes of one "
    "core. With all unseen objects drawn at random it recognised 83 % of seen and 50 % of unseen objects.",
    "published": "The paper's settings, for one GPU: not run here.",
}
NOT_RUN = frozenset({"published"})


@dataclass(frozen=True)
class PhasePreset:
    """A phase diagram: one run for each space, coverage and seed, all with the settings of ``config``."""

    spaces: tuple[str, ...]
    coverages: tuple[float, ...]
    seeds: tuple[int, ...]
    config: ControlledConfig
    #: What it is, where it was run, and how long it took; ``measured`` is false where it was never run.
    note: str
    measured: bool = True

    def cells(self) -> list[ControlledConfig]:
        """The runs, by space, coverage and seed."""
        return [
            replace(self.config, space=space, coverage=coverage, seed=seed)
            for space, coverage, seed in product(self.spaces, self.coverages, self.seeds)
        ]


PHASE_PRESETS: Mapping[str, PhasePreset] = {
    "laptop": PhasePreset(
        spaces=("grid-2x8", "grid-2x12", "grid-2x16"),
        coverages=(0.2, 0.4, 0.6, 0.8, 0.9),
        seeds=(0,),
        config=_LAPTOP,
        note="Fifteen small trainings: 17 minutes on two cores.",
    ),
    "published": PhasePreset(
        spaces=("grid-2x20", "grid-2x50", "grid-3x20", "grid-3x50"),
        coverages=(0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
        seeds=(0,),
        config=_PUBLISHED,
        note="For one GPU, at the paper's settings: not run here.",
        measured=False,
    ),
}


def preset(name: str, *, steps: int | None = None) -> ControlledConfig:
    """The settings called ``name``, with another number of steps where given. Raises UnknownName, InvalidInput."""
    if name not in PRESETS:
        raise UnknownName("training preset", name, PRESETS)
    config = PRESETS[name]
    return config if steps is None else replace(config, steps=steps)


def run_definition(config: ControlledConfig, space: ConceptSpace) -> dict[str, object]:
    """What a run is, as JSON: its settings, and the space in full, so that it can be read without any other file."""
    concepts = {concept.name: list(concept.values) for concept in space.concepts}
    return {"config": asdict(config), "space": {"name": space.name, "concepts": concepts, "phrase": space.phrase}}


def read_definition(data: object) -> tuple[ControlledConfig, ConceptSpace]:
    """The inverse of ``run_definition``. Raises InvalidInput for anything else."""
    try:
        settings, space = data["config"], data["space"]  # type: ignore[index]
        known = ControlledConfig(**settings)
        return known, grid_space(space["name"]) or space_from_mapping(space)
    except (TypeError, KeyError) as error:
        raise InvalidInput(f"This is not the definition of a training run ({error}): start the run again.") from error
