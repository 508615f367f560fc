"""Which captions compete for a scene: the true ones, and those of every valid swap."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bindscope.domain.captions import Captioner, captions_in_orders, mention_orders
from bindscope.domain.concepts import ConceptSpace, Object
from bindscope.domain.swaps import Swap, valid_swaps

Orders = Literal["all", "given"]


@dataclass(frozen=True)
class Candidates:
    """``anchor`` is the caption as listed. ``swaps`` pairs each valid swap with its captions."""

    anchor: str
    true: tuple[str, ...]
    swaps: tuple[tuple[Swap, tuple[str, ...]], ...]

    @property
    def swap_texts(self) -> tuple[str, ...]:
        """Captions of all swaps, each once."""
        return tuple(dict.fromkeys(text for _, texts in self.swaps for text in texts))

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts that the contest needs."""
        return tuple(dict.fromkeys((self.anchor, *self.true, *self.swap_texts)))


def candidates(
    captioner: Captioner, space: ConceptSpace, *, objects: Sequence[Object], orders: Orders, text_only: bool
) -> Candidates:
    """The captions that compete.

    ``text_only``: the anchor is itself a caption, so the true candidates are the same scene in the other orders.
    """
    every = mention_orders(len(objects))
    used = every if orders == "all" else every[:1]
    anchor = captioner.caption(space, objects)
    true = captions_in_orders(captioner, space, objects=objects, orders=every if text_only else used)
    if text_only:
        true = [text for text in true if text != anchor]
    swaps = tuple(
        (swap, tuple(captions_in_orders(captioner, space, objects=swap.objects, orders=used)))
        for swap in valid_swaps(objects)
    )
    return Candidates(anchor, tuple(true), swaps)
