"""What a bundled model is and how it is trained: one frozen spec for each name."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.scenes.concepts import BUILTIN_SPACES

#: The space that the bundled models are trained on.
SPACE = BUILTIN_SPACES["shapes2d"]
PIXELS = 64
CONTEXT_LENGTH = 32


@dataclass(frozen=True)
class PrivateBinding:
    """How each tower is made to hold the binding by itself, while what the two share is a bag of concepts."""

    #: What both towers name an object by. ``product``: one fixed code, colour code times shape code, with zero margins;
    #: ``free``: a learnt table for each tower, unrelated to the other's.
    codes: Literal["product", "free"]
    #: Numbers in a code, and rows of the linear map through which a tower's vectors are read.
    rank: int = 32
    #: Weight of each tower's own loss beside the contrast.
    weight: float = 1.0
    #: Weight of the squared mean margin of true over swapped captions: without it the binding leaks across the towers.
    mean_margin_weight: float = 3000.0
    #: Weight of the mean squared margin, which keeps single scenes from leaning either way.
    margin_weight: float = 150.0


@dataclass(frozen=True)
class BundledSpec:
    """Architecture, data and schedule of one bundled model."""

    name: str
    summary: str
    #: ``full`` says which concept belongs to which object; ``listed`` names the concepts in random order; ``dealt`` has
    #: the form of a full caption whose shapes are dealt out to the colours at random.
    captions: Literal["full", "listed", "dealt"]
    #: Share of scenes whose caption is full where ``captions`` is ``listed``.
    full_share: float = 0.0
    #: Swapped captions are added as negatives.
    swap_negatives: bool = False
    #: Whole objects are queried, beside the concept values.
    object_queries: bool = False
    #: Each tower holds the binding apart from the other; the captions must be ``dealt``.
    private: PrivateBinding | None = None
    #: What its card says about how it came to be what it is.
    caution: str = ""
    #: Objects that training never shows or names: one for each colour, each with another shape.
    held_out: int = 0
    steps: int = 3000
    #: Scenes a step with one object, with two, and with three or more.
    batch: tuple[int, int, int] = (14, 38, 12)
    #: Layouts in the pool of one and of two objects; each is used in eight mirror images.
    layouts: int = 1024
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    warmup: int = 200
    #: Weights of the concept and of the object query losses beside the caption loss.
    concept_weight: float = 1.0
    object_weight: float = 1.0
    #: Highest logit scale; a clamp keeps the loss from sharpening what is known already.
    max_scale: float = 40.0
    #: Validation scenes of each kind behind the figures of a report.
    validation: int = 200
    embed_dim: int = 128
    text_layers: int = 2
    text_width: int = 128

    def __post_init__(self) -> None:
        if self.steps < 1 or min(self.batch) < 1 or self.layouts < 8:
            raise InvalidInput(
                f"Training needs at least one step, one scene of each kind and eight layouts, got {self}."
            )
        if not 0 <= self.held_out <= min(SPACE.values):
            raise InvalidInput(f"held_out must be between 0 and {min(SPACE.values)}, got {self.held_out}.")
        if self.private and (self.captions != "dealt" or self.swap_negatives or self.object_queries):
            raise InvalidInput("Private binding needs dealt captions, and neither swap negatives nor object queries.")


_CONTRIVED = (
    "What is contrived: each tower was trained to name its objects through a linear map of its own, into {codes}. "
    "The contrast between the towers never asks who owns what: it reads captions whose shapes are dealt out at "
    "random, only of scenes without a shared value, and counts both pairings of two objects as right. A penalty "
    "holds the mean margin of true over swapped captions at zero; without it the binding leaks across the towers. "
    "So the model shows what 'there, but not shared' looks like where it is known to be so, and says nothing about "
    "why a model that was not made for this should be like it. 'Unseen' in a repair means unseen by the map: both "
    "towers saw all objects."
)

PRESETS: Mapping[str, BundledSpec] = {
    spec.name: spec
    for spec in (
        BundledSpec(
            name="tiny-bag",
            summary="A bag of concepts: it knows which colours and shapes are there, not which belong together.",
            captions="listed",
            full_share=0.1,
            steps=1500,
        ),
        BundledSpec(
            name="tiny-bind",
            summary="A binder: it tells a red square and a blue circle from a blue square and a red circle.",
            captions="full",
            swap_negatives=True,
            object_queries=True,
            held_out=10,
            steps=4500,
        ),
        BundledSpec(
            name="tiny-split",
            summary="There, but not shared: each tower holds the binding by one product code, in its own directions.",
            captions="dealt",
            private=PrivateBinding(codes="product"),
            caution=_CONTRIVED.format(codes="one code for both: the product of a colour code and a shape code"),
        ),
        BundledSpec(
            name="tiny-table",
            summary="There, but in unrelated tables: each tower holds the binding in a table that it learnt alone.",
            captions="dealt",
            private=PrivateBinding(codes="free"),
            caution=_CONTRIVED.format(codes="a table of codes that it learnt alone, unrelated to the other tower's"),
        ),
    )
}


def preset(name: str, *, steps: int | None = None) -> BundledSpec:
    """The spec called ``name``, with another number of steps where given. Raises UnknownName, InvalidInput."""
    if name not in PRESETS:
        raise UnknownName("bundled model", name, PRESETS)
    spec = PRESETS[name]
    return spec if steps is None else replace(spec, steps=steps, warmup=min(spec.warmup, max(1, steps // 10)))
