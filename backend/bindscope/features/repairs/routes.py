"""Repair of a text tower, its file and its list."""

import time
from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from bindscope.api.dependencies import Parts
from bindscope.core.errors import UnknownName
from bindscope.core.specs import RepairSpec
from bindscope.encoders.families.repaired import MAP, RECORD
from bindscope.features.repairs.schemas import RepairList, RepairModel, RepairRequestModel
from bindscope.features.repairs.service import RepairRequest, Repairs

router = APIRouter(prefix="/v1/repairs", tags=["retrieval"])

_Id = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
_SNIPPET = """import numpy as np

saved = np.load("{id}.npz")
t = float(saved["t"])  # any part of the map, from 0 (as it was) to 1
A = (1 - t) * np.eye(len(saved["A"])) + t * saved["A"]


def repaired(texts):  # [text, dim], from {model}
    mapped = texts @ A.T
    return mapped / np.linalg.norm(mapped, axis=1, keepdims=True)
"""


@router.post("")
def run_repair(body: RepairRequestModel, parts: Parts) -> RepairModel:
    """Learns a linear map on the text side, keeps it where it is confirmed, and says what it gains and costs on scenes
    of unseen objects."""
    started = time.perf_counter()
    spec = RepairSpec(body.coverage, body.seed)
    request = RepairRequest(body.model, body.space, spec, body.limit, body.template, body.dataset)
    found = parts.of(Repairs).run(request)
    return _model(found, seconds=round(time.perf_counter() - started, 3))


@router.get("")
def list_repairs(parts: Parts) -> RepairList:
    """All repairs of this installation."""
    repository = parts.of(Repairs).repository
    return RepairList(
        repairs=[_model(found) for found in map(repository.record, repository.ids()) if found is not None]
    )


@router.get("/{repair_id}.npz", response_class=Response, responses={200: {"content": {"application/octet-stream": {}}}})
def repair_file(repair_id: _Id, parts: Parts) -> Response:
    """The map ``A`` with the chosen ``t``, and the model that it belongs to."""
    headers = {"Content-Disposition": f'attachment; filename="{repair_id}.npz"'}
    return Response(
        parts.of(Repairs).repository.read(repair_id, MAP), media_type="application/octet-stream", headers=headers
    )


@router.get("/{repair_id}")
def get_repair(repair_id: _Id, parts: Parts) -> RepairModel:
    """One repair."""
    found = parts.of(Repairs).repository.record(repair_id)
    if found is None:
        raise UnknownName("repair", repair_id, parts.of(Repairs).repository.ids())
    return _model(found)


@router.delete("/{repair_id}", status_code=204)
def delete_repair(repair_id: _Id, parts: Parts) -> Response:
    """Takes a repair away; its model is gone after that."""
    parts.of(Repairs).repository.read(repair_id, RECORD)
    parts.of(Repairs).delete(repair_id)
    return Response(status_code=204)


def _model(found: dict[str, Any], *, seconds: float = 0.0) -> RepairModel:
    snippet = "" if found["id"] is None else _SNIPPET.format(id=found["id"], model=found["model"])
    return RepairModel.model_validate({**found, "seconds": seconds, "snippet": snippet})
