"""The sections of a report that belong to one model."""

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from bindscope.client.report.collect import PIXELS, ModelPart
from bindscope.client.report.html import bars, escaped, said, share, table
from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.words import percent
from bindscope.core.wire import Binding, Interval, Recognition, StrictChance
from bindscope.features.decompositions.schemas import DecompositionResponse
from bindscope.features.interventions.schemas import InterventionResponse
from bindscope.features.model_checks.schemas import ModelCheckReport
from bindscope.features.probes.schemas import ProbeResponse
from bindscope.features.removals.schemas import RemovalResponse
from bindscope.features.retrievals.findings import retrieval_finding
from bindscope.features.retrievals.schemas import RetrievalResponse
from bindscope.features.surveys.schemas import VerdictBatch
from bindscope.features.verdicts.findings import contest_finding, order_sentence, robust_sentence

_HEADS = {
    "concepts": "all concepts at once",
    "object": "objects",
    "object_on_valid_swaps": "objects, if a swap exists",
}


def model_sections(part: ModelPart) -> Iterator[str]:
    """Checks, contest, probes, sums, removal, interventions and retrieval."""
    yield f"<h2>{escaped(part.model)}</h2>"
    yield from _model_checks(part.checks)
    yield "<h3>Caption contest</h3>"
    if isinstance(part.survey, str):
        yield f"<p>{escaped(part.survey)}</p>"
    else:
        yield from _survey(part.survey)
    yield from _failing(part)
    yield "<h3>Linear probes</h3>"
    yield from _each(part.probes, _probe)
    yield "<h3>Sums of object vectors</h3>"
    yield from _each(part.sums, _sum)
    yield "<h3>Targeted removal</h3>"
    yield from _each(part.removals, _removal)
    yield "<h3>Interventions</h3>"
    yield from _each(part.interventions, _interventions)
    yield "<h3>Retrieval among swapped twins</h3>"
    if isinstance(part.retrieval, str):
        yield f"<p>{escaped(part.retrieval)}</p>"
    else:
        yield from _retrieval(part.retrieval)


def _survey(survey: VerdictBatch) -> Iterator[str]:
    binding, what = survey.binding, "pictures" if survey.anchor == "image" else "captions"
    beside = (order_sentence(survey.order_against_meaning), robust_sentence(survey.robust))
    yield f"<p>{said(contest_finding(binding, anchor=survey.anchor))} {escaped(' '.join(beside).strip())}</p>"
    shares = _binding_bars(binding)
    if binding.double_difference is not None:
        shares["free of biases"] = (binding.double_difference, CHANCE)
    shares["best of all captions"] = (survey.swap_accuracy, survey.swap_accuracy_chance)
    shares["undecided"] = (survey.undecided, None)
    note = f"{survey.scenes} scenes with a valid swap, {what} as anchors, noise floor {survey.noise_floor:.1e}"
    yield bars(shares, f"{note}; the tick is chance")
    yield "<h3>Recognition by queries</h3>"
    yield bars(_with_chance(survey.recognition, survey.chance), f"The tick is chance; {_levels(survey.object_chance)}")
    yield from _atlas(survey)


def _retrieval(found: RetrievalResponse) -> Iterator[str]:
    yield f"<p>{said(retrieval_finding(found))}</p>"
    shares = _binding_bars(found.binding)
    shares |= {f"recall@{k}": (own, None) for k, own in found.recall.items()}
    shares["a twin before all right ones"] = (found.swapped_first, found.swapped_first_chance)
    shares["undecided"] = (found.undecided, None)
    note = f"{found.direction.replace('_', ' ')}: {found.queries} queries, gallery of {found.gallery}"
    yield bars(shares, f"{note}; the tick is chance")


def _binding_bars(binding: Binding) -> dict[str, tuple[Interval, float | None]]:
    """Chance is one half, or what the control reaches where labels helped to make the vectors."""
    if binding.forced_choice is None:
        return {}
    level = CHANCE if binding.control is None else binding.control.forced_choice.value
    return {f"binding score: {binding.says}": (binding.forced_choice, level)}


def _levels(chance: StrictChance) -> str:
    """The two levels of strict object recognition that need no binding."""
    return (
        f"objects without binding: {percent(chance.given_bag)} at random among the values shown, "
        f"{percent(chance.ceiling_bag)} by always naming their most frequent pairing"
    )


def _model_checks(found: ModelCheckReport | str) -> Iterator[str]:
    if isinstance(found, str):
        yield f"<p>{escaped(found)}</p>"
        return
    rows = [(own.state, own.name, own.message) for own in found.checks]
    yield f"<details><summary>Model checks: {escaped(found.state)}</summary>"
    yield table(("State", "Check", "What it means"), rows, "Whether the model answers as it should")
    yield "</details>"


def _atlas(survey: VerdictBatch) -> Iterator[str]:
    """The cells that differ from the mean of their concept; the others show nothing."""
    cells = sorted(filter(lambda cell: cell.shown, survey.atlas), key=lambda cell: -(cell.shrunk.value or 0))[:12]
    if not survey.atlas:
        return
    yield "<h3>Who is taken for whom</h3>"
    if not cells:
        needed = (
            "" if survey.atlas_needed is None else f" About {survey.atlas_needed:,} scenes would give 30 trials each."
        )
        yield f"<p>No pair of values differs from the mean beyond chance.{needed}</p>"
        return
    rows = [(c.concept, f"{c.value} → {c.other}", share(c.shrunk), str(c.swapped.n)) for c in cells]
    head = ("Concept", "True → said", "Swapped caption wins (shrunk)", "Trials")
    yield table(head, rows, "Values that are exchanged more or less often than the mean of their concept")


def _failing(part: ModelPart) -> Iterator[str]:
    if not part.failures:
        return
    yield "<h3>Scenes that fail</h3><div class='strip'>"
    for picture, verdict in part.failures:
        best = {c.kind: c for c in sorted(verdict.contest.captions, key=lambda c: c.score)}
        lines = [f"{kind}: {best[kind].text} ({best[kind].score:.3f})" for kind in ("true", "swap") if kind in best]
        margin = verdict.contest.margin
        image = ""
        if picture is not None:
            data = base64.b64encode(picture).decode("ascii")
            image = f"<img src='data:image/png;base64,{data}' alt='{escaped(lines[0])}' width='{PIXELS}'>"
        words = "<br>".join(map(escaped, lines))
        number = 0.0 if margin is None else margin
        yield f"<figure>{image}<figcaption>{words}<br>margin {number:+.4f}</figcaption></figure>"
    yield "</div>"


def _each(found: Mapping[str, Any], draw: Callable[[Any, str], str]) -> Iterator[str]:
    if not found:
        yield "<p>The embeddings could not be probed, so there is nothing to take apart.</p>"
    for modality, own in found.items():
        yield f"<p>{escaped(modality)}: {escaped(own)}</p>" if isinstance(own, str) else draw(own, modality)


def _probe(found: ProbeResponse, modality: str) -> str:
    chance = {name: own.value for name, own in found.chance.items()}
    shares = {**_binding_bars(found.binding), **_with_chance(found.test, chance)}
    note = f"{modality}: {found.test_scenes} held-out scenes, trained on {found.train_scenes}, {found.splits} splits"
    return bars(shares, f"{note}; the tick is chance; {_levels(found.object_chance)}")


def _sum(found: DecompositionResponse, modality: str) -> str:
    r2 = "unknown" if found.r2.test is None else f"{found.r2.test:.3f}"
    shares = {**_binding_bars(found.binding), "retrieval": (found.retrieval, None), **_probed(found.probing)}
    return bars(shares, f"{modality}: held-out R² {r2}; {_tick(found.binding)}; {_levels(found.object_chance)}")


def _removal(found: RemovalResponse, modality: str) -> str:
    rows = []
    for name, own in found.variants.items():
        binding = found.bindings[name]
        score = "no pair" if binding.forced_choice is None else f"{share(binding.forced_choice)}; {binding.says}"
        rows.append((name.replace("_", " "), score, share(own["concepts"]), share(own["object"])))
    head = ("Variant", "Binding score", "Concepts", "Objects")
    return table(head, rows, f"{modality}: held-out probes on each variant; {_levels(found.object_chance)}")


def _interventions(found: InterventionResponse, modality: str) -> str:
    shares = _binding_bars(found.binding)
    shares |= {"lands on the wanted scene": (found.retrieval, None), "stays where it was": (found.stayed, None)}
    note = f"{modality}: {found.edits} edits of {found.concept}"
    if found.rendered_cosine is not None:
        note += f"; cosine to the model's own vector {found.rendered_cosine.mean:.3f}"
    return bars({**shares, **_probed(found.probing)}, f"{note}; {_tick(found.binding)}; {_levels(found.object_chance)}")


def _tick(binding: Binding) -> str:
    """What the tick of the binding score stands for."""
    return (
        "the tick is chance"
        if binding.control is None
        else ("the tick is the same after the vectors of each bag were dealt out anew")
    )


def _probed(heads: Recognition) -> dict[str, tuple[Interval, float | None]]:
    return {f"probe: {_HEADS.get(name, name)}": (own, None) for name, own in heads.items()}


def _with_chance(heads: Recognition, chance: Mapping[str, float | None]) -> dict[str, tuple[Interval, float | None]]:
    return {
        _HEADS.get(name, name): (own, chance.get("object" if name == "object_on_valid_swaps" else name))
        for name, own in heads.items()
    }
