"""Labels of many scenes as one array: which value each concept of each object has."""

from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from bindscope.core.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class SceneLabels:
    """``scenes`` int64 [scene, object, concept] value indices; ``values`` V_k and ``names`` of the concepts.

    Objects stand in slots: position 0 is the first (left) one. Raises InvalidInput for shapes that do not fit and
    indices out of range.
    """

    scenes: NDArray[np.int64]
    values: tuple[int, ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        scenes = self.scenes
        if scenes.ndim != 3 or scenes.shape[1] < 1 or scenes.shape[2] != len(self.values):
            raise InvalidInput(
                f"scenes must be [scene, object, concept] with {len(self.values)} concepts, got {list(scenes.shape)}."
            )
        if len(self.names) != len(self.values):
            raise InvalidInput(f"There are {len(self.values)} concepts but {len(self.names)} names.")
        if len(scenes) and ((scenes < 0).any() or (scenes >= np.array(self.values)).any()):
            raise InvalidInput(
                f"A value index is out of range: concept k has indices 0 to values[k] - 1 ({self.values})."
            )

    def __len__(self) -> int:
        return len(self.scenes)

    @property
    def slots(self) -> int:
        """Objects per scene."""
        return int(self.scenes.shape[1])

    @property
    def object_count(self) -> int:
        """|O|: all objects that the concepts allow, whether or not they occur."""
        return prod(self.values)

    @cached_property
    def object_ids(self) -> NDArray[np.int64]:
        """Mixed-radix ids [scene, object], last concept fastest."""
        ids = np.zeros(self.scenes.shape[:2], dtype=np.int64)
        for k, size in enumerate(self.values):
            ids = ids * size + self.scenes[:, :, k]
        return ids

    @cached_property
    def objects(self) -> NDArray[np.int64]:
        """Value indices of every object id: [id, concept]."""
        grid = np.indices(self.values).reshape(len(self.values), -1).T
        return np.ascontiguousarray(grid, dtype=np.int64)

    @cached_property
    def has_valid_swap(self) -> NDArray[np.bool_]:
        """Whether two objects of the scene differ in at least two concepts: [scene].

        Exchanging one of several differing values then changes the multiset of those two objects. With more than two
        objects it also changes that of the scene, since the others stay.
        """
        out = np.zeros(len(self.scenes), dtype=bool)
        for i in range(self.slots):
            for j in range(i + 1, self.slots):
                out |= (self.scenes[:, i] != self.scenes[:, j]).sum(-1) >= 2
        return out

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "SceneLabels":
        """The labels of some scenes."""
        return SceneLabels(self.scenes[rows], self.values, self.names)
