"""The smallest edit of a scene that flips the winner of its caption contest."""

from fastapi import APIRouter

from bindscope.api.dependencies import Parts
from bindscope.features.counterexamples.schemas import COUNTEREXAMPLE, Counterexample, CounterexampleRequest
from bindscope.features.counterexamples.service import Counterexamples
from bindscope.features.verdicts.service import wording_of

router = APIRouter(tags=["verdicts"])


@router.post(COUNTEREXAMPLE.path)
def counterexample(body: CounterexampleRequest, parts: Parts) -> Counterexample:
    """The smallest edit (move, resize, exchange of places, one changed value) that flips the winner of the contest."""
    wording = wording_of(body.template, body.articles, body.orders)
    scene = parts.pools.scene(body.scene)
    return parts.of(Counterexamples).search(body.model, scene, wording=wording, budget=body.budget)
