"""What the scene encoder reads: tokens of the objects in order, or pictures with the objects at drawn places."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bindscope.core.errors import InvalidInput
from bindscope.models.tokens import TokenAlphabet
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.controlled import ControlledConfig
from bindscope.scenes.render import render_arrays
from bindscope.scenes.scene import random_layout, slots

_LAYOUTS = 256
_IN_SLOTS = 4  # one layout in so many stands in slots

SceneInputs = list[Tensor] | Tensor


class SceneForm(Protocol):
    """Object ids to what the scene encoder takes."""

    def inputs(self, groups: Sequence[Tensor], generator: torch.Generator) -> SceneInputs:
        """Inputs for the scenes of the groups [scene, object] in order; chance comes from ``generator``."""
        ...


class TokenForm:
    """Scenes as token groups."""

    def __init__(self, alphabet: TokenAlphabet) -> None:
        self._alphabet = alphabet

    def inputs(self, groups: Sequence[Tensor], generator: torch.Generator) -> SceneInputs:
        """Tokens [scene, token] of each group; nothing is left to chance."""
        return [self._alphabet.scenes(group) for group in groups]


class PictureForm:
    """Scenes as pictures, rendered when they are asked for, at places from a pool of layouts.

    Raises InvalidInput for a space that cannot be drawn.
    """

    def __init__(self, space: ConceptSpace, config: ControlledConfig) -> None:
        if not space.renderable:
            raise InvalidInput(
                f"Space {space.name!r} cannot be drawn: train on tokens, or on a space such as shapes2d."
            )
        self._pixels, self._space = config.pixels, space
        rng = np.random.default_rng([config.seed, 31])
        self._layouts = {count: _layout_pool(count, rng) for count in range(1, config.objects + 1)}

    def inputs(self, groups: Sequence[Tensor], generator: torch.Generator) -> SceneInputs:
        """Pictures uint8 [scene of all groups, pixels, pixels, 3]."""
        parts = []
        for group in groups:
            pool = self._layouts[group.shape[1]]
            chosen = torch.randint(len(pool), (len(group),), generator=generator)
            parts.append(
                draw_pictures(self._space, group.cpu().numpy(), places=pool[chosen.numpy()], pixels=self._pixels)
            )
        return torch.from_numpy(np.concatenate(parts))


def draw_pictures(
    space: ConceptSpace, ids: NDArray[np.int64], *, places: NDArray[np.float64], pixels: int
) -> NDArray[np.uint8]:
    """RGB [scene, pixels, pixels, 3] of object ids [scene, object] at ``places`` [scene, object, (x, y, size)]."""
    values = np.unravel_index(ids, space.values)
    words = {
        name: np.array(concept.values)[index].tolist()
        for name, concept, index in zip(space.names, space.concepts, values, strict=True)
    }
    return render_arrays(words["color"], words["shape"], places=places, pixels=pixels)


def _layout_pool(count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    pool = [random_layout(count, rng) for _ in range(_LAYOUTS)]
    pool[::_IN_SLOTS] = [list(slots(count))] * len(pool[::_IN_SLOTS])
    return np.array(pool)


def scene_form(space: ConceptSpace, config: ControlledConfig, alphabet: TokenAlphabet) -> SceneForm:
    """What ``config.inputs`` asks for. Raises InvalidInput."""
    return TokenForm(alphabet) if config.inputs == "tokens" else PictureForm(space, config)
