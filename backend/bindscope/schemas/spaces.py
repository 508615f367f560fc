"""Concept spaces."""

from bindscope.domain.concepts import ConceptSpace
from bindscope.schemas.base import ResponseModel


class ConceptModel(ResponseModel):
    name: str
    values: list[str]


class SpaceModel(ResponseModel):
    """A concept space; ``objects`` is the number of possible objects."""

    name: str
    concepts: list[ConceptModel]
    phrase: str
    objects: int
    renderable: bool
    builtin: bool

    @classmethod
    def of(cls, space: ConceptSpace, *, builtin: bool) -> "SpaceModel":
        """The wire form of a space."""
        concepts = [ConceptModel(name=c.name, values=list(c.values)) for c in space.concepts]
        return cls(
            name=space.name,
            concepts=concepts,
            phrase=space.phrase,
            objects=space.object_count,
            renderable=space.renderable,
            builtin=builtin,
        )


class SpaceList(ResponseModel):
    spaces: list[SpaceModel]
