"""Concept spaces."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from bindscope.api.dependencies import Parts
from bindscope.features.datasets.schemas import TextList
from bindscope.features.spaces.schemas import SpaceList, SpaceModel
from bindscope.scenes.concepts import grid_space as grid_of
from bindscope.scenes.ordered import needed_texts
from bindscope.services.spaces import MAX_SPACE_BYTES

router = APIRouter(prefix="/v1/spaces", tags=["spaces"])

_EXAMPLE = "name: shop\nconcepts:\n  color: [red, blue]\n  item: [shoe, bag, hat]\nphrase: a {color} {item}\n"
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/yaml": {"schema": {"type": "string"}, "example": _EXAMPLE},
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["name", "concepts"],
                    "properties": {
                        "name": {"type": "string"},
                        "concepts": {
                            "type": "object",
                            "additionalProperties": {"type": "array", "items": {"type": "string"}},
                        },
                        "phrase": {"type": "string"},
                        "articles": {"type": "object", "additionalProperties": {"type": "string"}},
                        "templates": {"type": "array", "items": {"type": "string"}},
                    },
                }
            },
        },
    }
}


@router.get("")
def list_spaces(parts: Parts) -> SpaceList:
    """Built-in spaces, your own, and the grids on which runs were trained; any other ``grid-CxV`` may be named too."""
    known = parts.spaces.all()
    trained = {str(run["config"]["space"]) for run in parts.runs.finished()}
    grids = [grid for grid in map(grid_of, sorted(trained)) if grid is not None]
    return SpaceList(
        spaces=[SpaceModel.of_space(space, builtin=builtin) for space, builtin in known]
        + [SpaceModel.of_space(grid, builtin=True) for grid in grids]
    )


@router.post("", status_code=201, openapi_extra=_BODY)
async def add_space(request: Request, parts: Parts) -> SpaceModel:
    """Adds your own space, from YAML or JSON. Adding the same one again is fine."""
    text = bytearray()
    async for chunk in request.stream():
        text += chunk
        if len(text) > MAX_SPACE_BYTES:
            break
    space = await run_in_threadpool(parts.spaces.add, bytes(text))
    return SpaceModel.of_space(space, builtin=False)


@router.get("/{name}/texts")
def space_texts(
    name: str,
    parts: Parts,
    objects: Annotated[int, Query(ge=1, le=4)] = 2,
    template: Annotated[str, Query(min_length=1, max_length=200)] = "plain",
    limit: Annotated[int, Query(ge=1, le=200_000)] = 50_000,
) -> TextList:
    """The texts that analyses of the space ask about: embed them with any system, and upload their vectors."""
    return TextList(texts=needed_texts(parts.spaces.get(name), objects=objects, template=template, limit=limit))


@router.delete("/{name}", status_code=204)
def delete_space(name: str, parts: Parts) -> Response:
    """Removes a space of your own."""
    parts.spaces.remove(name)
    return Response(status_code=204)
