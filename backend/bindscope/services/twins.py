"""The random-weights twin of a source: did training put the binding there, or is it in the input already?"""

from dataclasses import replace

from bindscope.analysis.binding import BagScores, Twin, twin_of
from bindscope.analysis.probing import ProbeResult, probe
from bindscope.core.binding_rules import EASY
from bindscope.core.errors import BindscopeError
from bindscope.core.specs import ProbeSpec
from bindscope.services.sources import DatasetSource, ModelSource, Sources

#: Where the twin alone finds nearly everything the question is asked again with this share of training scenes.
LESS = 0.1


def twin_sources(source: ModelSource | DatasetSource, seeds: int) -> list[ModelSource | DatasetSource]:
    """The source as ``seeds`` initialisations of its model would embed it; none for vectors alone and for twins."""
    if source.model is None or source.model.startswith("random:"):
        return []
    return [replace(source, model=f"random:{source.model}#seed={seed}") for seed in range(seeds)]


def random_twin(
    sources: Sources, source: ModelSource | DatasetSource, own: ProbeResult, *, spec: ProbeSpec, seeds: int
) -> tuple[Twin | None, str | None]:
    """The twin beside ``own`` (probed under ``spec``), or why there is none."""
    try:
        twins = [sources.resolve(twin) for twin in twin_sources(source, seeds)]
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
    data = sources.resolve(source)
    again = twin_of(probe(data.embeddings, data.labels, less).scores, scored(less), train_ratio=LESS)
    return again or found, None
