"""Linear probes: is the information inside the embeddings?"""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.probes.schemas import PROBE, ProbeRequest, ProbeResponse
from bindscope.features.probes.service import probes

router = APIRouter(tags=["geometry"])


@router.post(PROBE.path)
def run_probe(body: ProbeRequest, parts: Parts) -> ProbeResponse:
    """Recognition of concepts and objects by probes that are fitted on part of the scenes."""
    return probes(parts, body)
