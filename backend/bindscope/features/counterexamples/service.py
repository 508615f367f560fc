"""Break it: the smallest edit of a scene that flips the winner of its contest, whichever it is.

Edits are tried from small to large: moves and resizes of one object (in canvas widths), an exchange of two
objects' places (size 1), one changed value (size 2). The first size at which the outcome flips is narrowed by halving.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from math import cos, pi, sin
from typing import Literal

import numpy as np

from bindscope.analysis.verdict import RESOLUTION
from bindscope.core.errors import InvalidInput
from bindscope.features.counterexamples.schemas import Counterexample, Edit
from bindscope.features.verdicts.service import Verdicts
from bindscope.scenes.scene import MAX_SIZE, MIN_SIZE, Placed, Scene
from bindscope.scenes.wire import from_scene
from bindscope.services.container import Services
from bindscope.services.judging import Judged, Wording, judge

Kind = Literal["move", "resize", "exchange_places", "change_value"]
_STEPS = (0.03, 0.06, 0.1, 0.15, 0.22, 0.3, 0.4, 0.5)
_DIRECTIONS = 8
_SCALES = (0.9, 1.12, 0.75, 1.3, 0.6, 1.6)
_HALVINGS = 5
_CHUNK = 48


@dataclass(frozen=True)
class Attempt:
    """An edit to try, by ``size``; ``make(share)`` gives the scene after that share of the edit (1 is all of it)."""

    kind: Kind
    size: float
    text: str
    make: Callable[[float], Scene | None]
    divisible: bool


class Counterexamples:
    """Searches with the same judgement as the verdict."""

    def __init__(self, parts: Services) -> None:
        self._verdicts = parts.of(Verdicts)

    def search(self, model_id: str, scene: Scene, *, wording: Wording, budget: int) -> Counterexample:
        """Raises InvalidInput when the contest of the scene itself has no winner to unseat, and for uploaded scenes."""
        if scene.origin is not None:
            raise InvalidInput("Only drawn scenes can be moved and resized: not pictures that were uploaded.")
        before = self._verdicts.verdict(model_id, scene, wording=wording, robust=False)
        if before.contest.outcome not in ("binds", "swaps"):
            raise InvalidInput(
                "The caption contest of this scene has no winner, so no edit can flip it: "
                "choose a scene with a valid swap and a decided contest."
            )
        sign = 1.0 if before.contest.outcome == "binds" else -1.0
        floor = max(before.contest.noise_floor, RESOLUTION)
        tried = 0
        for group in _grouped(edits_of(scene), budget):
            ready = [(edit, made) for edit in group if (made := edit.make(1.0)) is not None]
            ready = ready[: budget - tried]
            if not ready:
                continue
            judged = self._judge(model_id, [made for _, made in ready], wording)
            tried += len(ready)
            flipped = [i for i in range(len(ready)) if _flipped(judged, i, sign=sign, floor=floor)]
            if flipped:
                best = min(flipped, key=lambda i: (ready[i][0].size, sign * float(judged.contest.margin[i])))
                share, found, more = self._narrowed(model_id, ready[best], wording=wording, sign=sign, floor=floor)
                edit = ready[best][0]
                after = self._verdicts.verdict(model_id, found, wording=wording, robust=False)
                applied = Edit(kind=edit.kind, size=round(edit.size * share, 4), text=edit.text)
                return Counterexample(
                    found=True, tried=tried + more, edit=applied, scene=from_scene(found), before=before, after=after
                )
        return Counterexample(found=False, tried=tried, edit=None, scene=None, before=before, after=None)

    def _judge(self, model_id: str, scenes: Sequence[Scene], wording: Wording) -> Judged:
        return judge(self._verdicts.embedder, model_id, scenes=scenes, wording=wording)

    def _narrowed(
        self, model_id: str, winner: tuple[Attempt, Scene], *, wording: Wording, sign: float, floor: float
    ) -> tuple[float, Scene, int]:
        """Halves a divisible edit while it still flips the outcome."""
        edit, scene = winner
        low, high, tried = 0.0, 1.0, 0
        for _ in range(_HALVINGS if edit.divisible else 0):
            middle = (low + high) / 2
            made = edit.make(middle)
            if made is None:
                break
            tried += 1
            judged = self._judge(model_id, [made], wording)
            if _flipped(judged, 0, sign=sign, floor=floor):
                high, scene = middle, made
            else:
                low = middle
        return high, scene, tried


def edits_of(scene: Scene) -> list[Attempt]:
    """All edits that are tried, smallest first. ``make`` gives None where the edited scene would not be valid."""
    movable = scene.space.renderable
    edits = [*_moves(scene), *_resizes(scene), *_exchanges(scene)] if movable else []
    return sorted([*edits, *_changes(scene)], key=lambda edit: edit.size)


def _moves(scene: Scene) -> list[Attempt]:
    out: list[Attempt] = []
    for i, obj in enumerate(scene.objects):
        for step in _STEPS:
            for turn in range(_DIRECTIONS):
                dx, dy = step * cos(2 * pi * turn / _DIRECTIONS), step * sin(2 * pi * turn / _DIRECTIONS)

                def make(share: float, i: int = i, obj: Placed = obj, dx: float = dx, dy: float = dy) -> Scene | None:
                    return _with(scene, {i: lambda: replace(obj, x=obj.x + share * dx, y=obj.y + share * dy)})

                out.append(Attempt("move", step, f"move the {_name(scene, i)} {_compass(dx, dy)}", make, True))
    return out


def _resizes(scene: Scene) -> list[Attempt]:
    out: list[Attempt] = []
    for i, obj in enumerate(scene.objects):
        for scale in _SCALES:
            size = min(max(obj.size * scale, MIN_SIZE), MAX_SIZE)
            word = "shrink" if scale < 1 else "enlarge"

            def make(share: float, i: int = i, obj: Placed = obj, size: float = size) -> Scene | None:
                return _with(scene, {i: lambda: replace(obj, size=obj.size + share * (size - obj.size))})

            out.append(Attempt("resize", abs(size - obj.size), f"{word} the {_name(scene, i)}", make, True))
    return [edit for edit in out if edit.size > 0]


def _exchanges(scene: Scene) -> list[Attempt]:
    out: list[Attempt] = []
    for i, j in combinations(range(len(scene.objects)), 2):
        a, b = scene.objects[i], scene.objects[j]

        def make(_: float, i: int = i, j: int = j, a: Placed = a, b: Placed = b) -> Scene | None:
            return _with(
                scene,
                {i: lambda: replace(a, x=b.x, y=b.y, size=b.size), j: lambda: replace(b, x=a.x, y=a.y, size=a.size)},
            )

        text = f"exchange the places of the {_name(scene, i)} and the {_name(scene, j)}"
        out.append(Attempt("exchange_places", 1.0, text, make, False))
    return out


def _changes(scene: Scene) -> list[Attempt]:
    out: list[Attempt] = []
    for i, obj in enumerate(scene.objects):
        for k, concept in enumerate(scene.space.concepts):
            for v, value in enumerate(concept.values):
                if v == obj.values[k]:
                    continue
                values = (*obj.values[:k], v, *obj.values[k + 1 :])

                def make(_: float, i: int = i, obj: Placed = obj, values: tuple[int, ...] = values) -> Scene | None:
                    return _with(scene, {i: lambda: replace(obj, values=values)})

                text = f"change the {concept.name} of the {_name(scene, i)} to {value}"
                out.append(Attempt("change_value", 2.0, text, make, False))
    return out


def _with(scene: Scene, changes: dict[int, Callable[[], Placed]]) -> Scene | None:
    try:
        objects = [changes[i]() if i in changes else o for i, o in enumerate(scene.objects)]
        return Scene(scene.space, tuple(objects))
    except InvalidInput:
        return None


def _name(scene: Scene, i: int) -> str:
    return " ".join(scene.space.named(scene.objects[i].values).values())


def _compass(dx: float, dy: float) -> str:
    across = "" if abs(dx) < 1e-9 else ("right" if dx > 0 else "left")
    along = "" if abs(dy) < 1e-9 else ("down" if dy > 0 else "up")
    return " and ".join(part for part in (along, across) if part)


def _flipped(judged: Judged, row: int, *, sign: float, floor: float) -> bool:
    """The other side wins, clearly. A scene whose edit removed the swap does not count."""
    return bool(judged.contest.has_swap[row]) and sign * float(judged.contest.margin[row]) < -floor


def _grouped(edits: Sequence[Attempt], budget: int) -> list[list[Attempt]]:
    """Edits of the same size together, in chunks that one batch can hold."""
    sizes = np.array([edit.size for edit in edits])
    cuts = np.flatnonzero(np.diff(np.round(sizes, 2)) > 0) + 1
    out: list[list[Attempt]] = []
    for group in np.split(np.arange(len(edits)), cuts):
        out += [[edits[i] for i in group[s : s + _CHUNK]] for s in range(0, len(group), _CHUNK)]
    return out
