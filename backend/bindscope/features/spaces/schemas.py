"""Concept spaces."""

from pydantic import Field

from bindscope.core.wire import ResponseModel
from bindscope.scenes.concepts import ConceptSpace


class ConceptModel(ResponseModel):
    name: str
    values: list[str]


class SpaceModel(ResponseModel):
    """A concept space; ``objects`` is the number of possible objects."""

    name: str
    concepts: list[ConceptModel]
    phrase: str
    articles: dict[str, str] = Field(default_factory=dict)
    templates: list[str] = Field(default_factory=list)
    objects: int
    renderable: bool
    builtin: bool

    @classmethod
    def of_space(cls, space: ConceptSpace, *, builtin: bool) -> "SpaceModel":
        """The wire form of a space."""
        concepts = [ConceptModel(name=c.name, values=list(c.values)) for c in space.concepts]
        return cls(
            name=space.name,
            concepts=concepts,
            phrase=space.phrase,
            articles=dict(space.articles),
            templates=list(space.templates),
            objects=space.object_count,
            renderable=space.renderable,
            builtin=builtin,
        )


class SpaceList(ResponseModel):
    spaces: list[SpaceModel]
