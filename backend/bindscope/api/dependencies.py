"""State reaches routes from here, never from a module global."""

from typing import Annotated

from fastapi import Depends, Request

from bindscope.errors import InvalidInput
from bindscope.schemas.base import Provenance
from bindscope.schemas.sources import SourceModel
from bindscope.services.assembly import Services
from bindscope.services.sources import DatasetSource, ModelSource, SourceData


def services_of(request: Request) -> Services:
    """The services that the app's lifespan assembled."""
    found: Services = request.state.services
    return found


Parts = Annotated[Services, Depends(services_of)]


def source_of(wire: SourceModel) -> ModelSource | DatasetSource:
    """The source that a request names."""
    if wire.dataset is not None:
        return DatasetSource(wire.dataset)
    assert wire.model is not None
    assert wire.space is not None
    assert wire.modality is not None
    return ModelSource(wire.model, wire.space, wire.modality, wire.objects, wire.limit, wire.template)


def model_source_of(wire: SourceModel) -> ModelSource:
    """The source of a question about one scene. Raises InvalidInput for uploads, which have no space."""
    source = source_of(wire)
    if isinstance(source, DatasetSource):
        raise InvalidInput("A single scene can be asked about on a model and a space, not on an upload.")
    return source


def provenance_of(data: SourceData, seed: int) -> Provenance:
    """The wire form, with the seed of the analysis."""
    return Provenance.model_validate(data.provenance).model_copy(update={"seed": seed})
