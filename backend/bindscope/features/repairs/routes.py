"""Repair of a text tower, its file and its list."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Response

from bindscope.api.dependencies import Parts
from bindscope.encoders.families.repaired import MAP
from bindscope.features.repairs.schemas import REPAIR, RepairList, RepairModel, RepairRequest
from bindscope.features.repairs.service import Repairs

router = APIRouter(tags=["retrieval"])

_Id = Annotated[str, Path(pattern=r"^[0-9a-f]{16}$")]
_FILE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}


@router.post(REPAIR.path)
def run_repair(body: RepairRequest, parts: Parts) -> RepairModel:
    """Learns a linear map on the text side, keeps it where it is confirmed, and says what it gains and costs on scenes
    of unseen objects."""
    return parts.of(Repairs).run(body)


@router.get(REPAIR.path)
def list_repairs(parts: Parts) -> RepairList:
    """All repairs of this installation."""
    return RepairList(repairs=parts.of(Repairs).all())


@router.get(REPAIR.path + "/{repair_id}.npz", response_class=Response, responses=_FILE)
def repair_file(repair_id: _Id, parts: Parts) -> Response:
    """The map ``A`` with the chosen ``t``, and the model that it belongs to."""
    headers = {"Content-Disposition": f'attachment; filename="{repair_id}.npz"'}
    content = parts.repairs.read(repair_id, MAP)
    return Response(content, media_type="application/octet-stream", headers=headers)


@router.get(REPAIR.path + "/{repair_id}")
def get_repair(repair_id: _Id, parts: Parts) -> RepairModel:
    """One repair."""
    return parts.of(Repairs).get(repair_id)


@router.delete(REPAIR.path + "/{repair_id}", status_code=204)
def delete_repair(repair_id: _Id, parts: Parts) -> Response:
    """Takes a repair away; its model is gone after that."""
    parts.of(Repairs).delete(repair_id)
    return Response(status_code=204)
