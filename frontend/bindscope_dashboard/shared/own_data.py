"""Uploads as concept spaces of the pages: ``data-ID`` stands where a space is chosen, and in links.

Requests know no such space: before they are sent, the upload takes the place of the space in them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from bindscope.features.datasets.schemas import DatasetModel, DatasetRow
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.contests import valid_swaps
from bindscope.scenes.scene import scene_in_slots
from bindscope.scenes.wire import SceneModel, from_scene

_PICTURES, _VECTORS = "data-", "vectors-"
#: Neighbouring rows are often alike.
_STRIDE = 37
_HEX = frozenset("0123456789abcdef")


def name_of(dataset_id: str, *, kind: str = "pictures") -> str:
    """The name of an upload among the spaces."""
    return (_PICTURES if kind == "pictures" else _VECTORS) + dataset_id


def dataset_of(space: str) -> str | None:
    """The upload that a space stands for, if it does."""
    own = space.removeprefix(_PICTURES).removeprefix(_VECTORS)
    return own if own != space and len(own) == 16 and set(own) <= _HEX else None


def has_pictures(space: ConceptSpace) -> bool:
    """Whether scenes of the space can be shown: drawn, or as they were uploaded."""
    return space.renderable or (dataset_of(space.name) is not None and space.name.startswith(_PICTURES))


def as_spaces(datasets: Sequence[DatasetModel], spaces: Mapping[str, ConceptSpace]) -> dict[str, ConceptSpace]:
    """The uploads whose values have names, as spaces. Their pictures are given, so they cannot be drawn."""
    found = {}
    for dataset in datasets:
        known = spaces.get(dataset.space or "")
        if dataset.scenes and known is not None:
            name = name_of(dataset.id, kind=dataset.kind)
            found[name] = replace(known, name=name, renderable=False)
    return found


def titles(datasets: Sequence[DatasetModel]) -> dict[str, str]:
    """What a picker calls each of them."""
    return {name_of(d.id, kind=d.kind): f"{d.name or d.space or d.id[:6]} ({d.scenes:,} {d.kind})" for d in datasets}


def sent(body: Mapping[str, Any]) -> dict[str, Any]:
    """A request with uploads in place of the spaces that stand for them."""
    out = dict(body)
    own = dataset_of(str(out.get("space", "")))
    if own is not None:
        if "objects" in out and isinstance(out["objects"], list):
            return _scene(out, own)
        del out["space"]
        out["dataset"] = own
        for name in ("layout", "objects"):
            out.pop(name, None)
    if isinstance(out.get("source"), Mapping):
        out["source"] = _source(out["source"])
    if isinstance(out.get("scene"), Mapping):
        out["scene"] = sent(out["scene"])
    if isinstance(out.get("sources"), list):
        out["sources"] = [_source(one) for one in out["sources"]]
    return out


def shown(scene: SceneModel) -> SceneModel:
    """A scene of an upload as the pages carry it: the upload in place of its space."""
    if scene.dataset is None:
        return scene
    return scene.model_copy(update={"space": name_of(scene.dataset), "dataset": None, "row": None})


def scene_of(space: ConceptSpace, rows: Sequence[DatasetRow], *, seed: int) -> SceneModel:
    """One of the scenes of an upload, with a valid swap where there is one; the same for the same ``seed``."""
    every = [[space.index(values) for values in row.objects] for row in rows]
    able = [objects for objects in every if valid_swaps(objects)] or every
    return from_scene(scene_in_slots(space, able[(seed * _STRIDE) % len(able)]))


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    own = dataset_of(str(source.get("space", "")))
    if own is None:
        return dict(source)
    kept = {key: value for key, value in source.items() if key in ("model", "modality", "template")}
    return {**kept, "dataset": own}


def _scene(scene: Mapping[str, Any], own: str) -> dict[str, Any]:
    """By its objects; places say nothing about a picture that is given."""
    return {"dataset": own, "objects": [{"values": obj["values"]} for obj in scene["objects"]]}
