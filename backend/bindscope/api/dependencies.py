"""State reaches routes from here, never from a module global."""

from typing import Annotated

from fastapi import Depends, Request

from bindscope.core.errors import InvalidInput
from bindscope.core.wire import Provenance
from bindscope.scenes.scene import Scene
from bindscope.scenes.sources import SourceModel
from bindscope.scenes.wire import SceneModel, to_scene
from bindscope.services.container import Services
from bindscope.services.sources import DatasetSource, ModelSource, SourceData


def services_of(request: Request) -> Services:
    """The services that the app's lifespan assembled."""
    found: Services = request.state.services
    return found


Parts = Annotated[Services, Depends(services_of)]


def source_of(wire: SourceModel) -> ModelSource | DatasetSource:
    """The source that a request names."""
    if wire.dataset is not None:
        modality = wire.modality or "image"
        return DatasetSource(wire.dataset, wire.model, modality, wire.template if wire.model else "plain")
    assert wire.model is not None
    assert wire.space is not None
    assert wire.modality is not None
    return ModelSource(wire.model, wire.space, wire.modality, wire.objects, wire.limit, wire.template)


def asked_source_of(wire: SourceModel) -> ModelSource | DatasetSource:
    """The source of a question about one scene. Raises InvalidInput for vectors that nobody can add to."""
    source = source_of(wire)
    if source.model is None:
        raise InvalidInput("A single scene can be asked about on a model, not on vectors that were uploaded alone.")
    return source


def scene_of(wire: SceneModel, parts: Services) -> Scene:
    """The scene that a request describes, or the row of an upload that it names. Raises UnknownName, InvalidInput."""
    if wire.dataset is None:
        return to_scene(wire, parts.spaces.get(wire.space))
    if wire.row is None:
        space = parts.sources.space_of(wire.dataset)
        return parts.sources.like(wire.dataset, [space.index(obj.values) for obj in wire.objects])
    return parts.sources.scenes(wire.dataset, [wire.row])[0]


def provenance_of(data: SourceData, seed: int) -> Provenance:
    """The wire form, with the seed of the analysis."""
    return Provenance.model_validate(data.provenance).model_copy(update={"seed": seed})
