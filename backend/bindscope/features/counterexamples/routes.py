"""Break it."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts, scene_of
from bindscope.features.counterexamples.schemas import Counterexample, CounterexampleRequest
from bindscope.features.counterexamples.service import Counterexamples
from bindscope.features.verdicts.routes import wording_of
from bindscope.scenes.wire import from_scene

router = APIRouter(prefix="/v1/counterexamples", tags=["verdicts"])


@router.post("")
def counterexample(body: CounterexampleRequest, parts: Parts) -> Counterexample:
    """The smallest edit (move, resize, exchange of places, one changed value) that flips the winner of the contest."""
    scene = scene_of(body.scene, parts)
    found = parts.of(Counterexamples).search(body.model, scene, wording=wording_of(body), budget=body.budget)
    fields = {name: getattr(found, name) for name in Counterexample.model_fields}
    fields["scene"] = from_scene(found.scene) if found.scene else None
    return Counterexample.model_validate(fields)
