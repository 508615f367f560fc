"""The random-weights twin of a source: did training put the binding there, or is it in the input already?"""

from dataclasses import replace

from bindscope.analysis.binding import BagScores, Twin, twin_of
from bindscope.analysis.probing import ProbeResult, probe
from bindscope.core.binding_rules import EASY
from bindscope.core.errors import BindscopeError, Cancelled, Overloaded
from bindscope.core.specs import ProbeSpec
from bindscope.services.pools import ScenePool

#: Where the twin alone finds nearly everything the question is asked again with this share of training scenes.
LESS = 0.1


def twin_pools(pool: ScenePool, seeds: int) -> list[ScenePool]:
    """The scenes as ``seeds`` initialisations of their model would embed them; none for vectors alone and for twins."""
    if pool.model is None or pool.model.startswith("random:"):
        return []
    return [pool.seen_by(f"random:{pool.model}#seed={seed}", pool.modality) for seed in range(seeds)]


def random_twin(pool: ScenePool, own: ProbeResult, *, spec: ProbeSpec, seeds: int) -> tuple[Twin | None, str | None]:
    """The twin beside ``own`` (probed under ``spec``), or why there is none."""
    try:
        twins = [twin.embedded() for twin in twin_pools(pool, seeds)]
    except (Cancelled, Overloaded):
        raise  # that says nothing about the twin, and the answer is kept
    except BindscopeError as error:
        return None, f"No random-weights twin: {error}"
    if not twins:
        return None, "No random-weights twin: only trained weights that this service loads have one."

    def scored(at: ProbeSpec) -> list[tuple[BagScores, ...]]:
        return [probe(data.embeddings, data.labels, at).scores for data in twins]

    found = twin_of(own.scores, scored(spec))
    if found is None or (found.forced_choice.value or 0.0) <= EASY or spec.train_ratio <= LESS:
        return found, None
    less = replace(spec, train_ratio=LESS)
    data = pool.embedded()
    again = twin_of(probe(data.embeddings, data.labels, less).scores, scored(less), train_ratio=LESS)
    return again or found, None
