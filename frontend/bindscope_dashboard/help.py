"""What is binding? The words of the page, with one picture."""

from collections.abc import Mapping, Sequence

from bindscope.scenes.render import BACKGROUND, OUTLINES, PALETTE
from bindscope_dashboard.components.scene_editor import css_color
from bindscope_dashboard.shared.cards import svg_image
from bindscope_dashboard.shared.html import Html, joined, tag

LEAD = (
    "A model that embeds pictures and texts may notice red, blue, square and circle, and still not know which colour "
    "belongs to which shape. Knowing that is binding. Below are two different scenes made of the same four concepts: "
    "for a bag of concepts they are the same."
)
WORDS: Mapping[str, str] = {
    "Concept": "A property with a few values: a colour (red, blue, …), a shape (square, circle, …).",
    "Object": "One value of each concept: a red square.",
    "Scene": "One to six objects, each at a place.",
    "Swap": "Two objects exchange the values of one concept. It counts only if that changes the set of objects.",
    "Caption contest": "The true caption against every swapped one: which lies nearer to the picture (by cosine)?",
    "Margin": "The best true caption's cosine minus the best swapped one's. Above zero, the truth wins.",
    "Noise floor": (
        "How much the margin changes when the same inputs are encoded in batches of another size. "
        "A margin inside it is undecided, never right."
    ),
    "Recognised": "Every value in the scene scores strictly higher than every value that is not. A tie does not count.",
    "Bag of concepts": "A model that recognises the concepts, but loses the contest or does not recognise the objects.",
    "Blind": "A model that does not even recognise the concepts.",
    "Coverage": "The share of the objects that a training sees. What it makes of the others is the question.",
    "Unseen objects": "Scenes made only of objects that were left out of training, though each of their values was in.",
    "Complexity": "How simple a function of the concepts (sum, product, network) predicts scenes of unseen objects.",
    "Ceiling": "What true embeddings that the probes never saw reach: no prediction can be expected to do better.",
}
Shape = tuple[str, str, float]


def panel() -> Html:
    """The whole panel."""
    first: Sequence[Shape] = (("red", "square", 0.3), ("blue", "circle", 0.7))
    second: Sequence[Shape] = (("blue", "square", 0.3), ("red", "circle", 0.7))
    pair = tag(
        "div",
        _scene(first, "a red square and a blue circle"),
        _scene(second, "a blue square and a red circle"),
        cls="bs-pair",
    )
    words = [part for word, meaning in WORDS.items() for part in (tag("dt", word), tag("dd", meaning))]
    return joined(tag("p", LEAD), pair, tag("dl", *words, cls="bs-words"))


def _scene(shapes: Sequence[Shape], caption: str) -> Html:
    drawn = [
        tag(
            "path",
            d=OUTLINES[shape],
            fill=css_color(PALETTE[color]),
            fill_rule="evenodd",
            transform=f"translate({x} 0.25) scale(0.28)",
        )
        for color, shape, x in shapes
    ]
    ground = tag("rect", width="1", height="0.5", fill=css_color(BACKGROUND))
    picture = svg_image(ground, *drawn, box="0 0 1 0.5", alt=caption)
    return tag("figure", picture, tag("figcaption", caption))
