"""What the sections of one model show: bars with their intervals, and tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bindscope.core.binding_rules import CHANCE
from bindscope.core.sentences.words import percent
from bindscope.core.wire import Binding, Interval, Recognition, StrictChance
from bindscope.features.decompositions.schemas import DecompositionResponse
from bindscope.features.interventions.schemas import InterventionResponse
from bindscope.features.model_checks.schemas import ModelCheckReport
from bindscope.features.probes.schemas import ProbeResponse
from bindscope.features.removals.schemas import RemovalResponse
from bindscope.features.retrievals.schemas import RetrievalResponse
from bindscope.features.surveys.schemas import VerdictBatch
from bindscope.features.verdicts.findings import order_sentence, robust_sentence
from bindscope.features.verdicts.schemas import Verdict

_HEADS = {
    "concepts": "all concepts at once",
    "object": "objects",
    "object_on_valid_swaps": "objects, if a swap exists",
}
_CONFUSIONS = 12
#: Shares and their level of chance, by name.
Shares = Mapping[str, tuple[Interval, float | None]]


@dataclass(frozen=True)
class Bar:
    """``text``: the share and its interval in words."""

    name: str
    value: float
    low: float
    high: float
    chance: float | None
    text: str


@dataclass(frozen=True)
class Bars:
    bars: list[Bar]
    note: str


@dataclass(frozen=True)
class Table:
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str


def share(own: Interval) -> str:
    """``54.2 % (47.0 to 61.1, n = 200)``."""
    if own.value is None or own.low is None or own.high is None:
        return "no such scene"
    return f"{100 * own.value:.1f} % ({100 * own.low:.1f} to {100 * own.high:.1f}, n = {own.n})"


def checks(found: ModelCheckReport) -> Table:
    """Whether the model answers as it should."""
    rows = [(own.state, own.name, own.message) for own in found.checks]
    return Table(("State", "Check", "What it means"), rows, "Whether the model answers as it should")


def beside_contest(survey: VerdictBatch) -> str:
    """What is to be known beside the finding of the contest."""
    return f"{order_sentence(survey.order_against_meaning)} {robust_sentence(survey.robust)}".strip()


def contest(survey: VerdictBatch) -> Bars:
    """The contest of captions."""
    shares = _binding(survey.binding)
    if survey.binding.double_difference is not None:
        shares["free of biases"] = (survey.binding.double_difference, CHANCE)
    shares["best of all captions"] = (survey.swap_accuracy, survey.swap_accuracy_chance)
    shares["undecided"] = (survey.undecided, None)
    what = "pictures" if survey.anchor == "image" else "captions"
    note = f"{survey.scenes} scenes with a valid swap, {what} as anchors, noise floor {survey.noise_floor:.1e}"
    return _bars(shares, f"{note}; the tick is chance")


def recognition(survey: VerdictBatch) -> Bars:
    """Recognition by queries."""
    return _bars(
        _with_chance(survey.recognition, survey.chance), f"The tick is chance; {_levels(survey.object_chance)}"
    )


def confusions(survey: VerdictBatch) -> Table:
    """The cells of the atlas that differ from the mean of their concept; the others show nothing."""
    shown = sorted((cell for cell in survey.atlas if cell.shown), key=lambda cell: -(cell.shrunk.value or 0))
    rows = [
        (cell.concept, f"{cell.value} → {cell.other}", share(cell.shrunk), str(cell.swapped.n))
        for cell in shown[:_CONFUSIONS]
    ]
    head = ("Concept", "True → said", "Swapped caption wins (shrunk)", "Trials")
    return Table(head, rows, "Values that are exchanged more or less often than the mean of their concept")


def failing_captions(verdict: Verdict) -> list[str]:
    """The best true and the best swapped caption, with their scores."""
    best = {own.kind: own for own in sorted(verdict.contest.captions, key=lambda own: own.score)}
    return [f"{kind}: {best[kind].text} ({best[kind].score:.3f})" for kind in ("true", "swap") if kind in best]


def probe(found: ProbeResponse, modality: str) -> Bars:
    """Linear probes."""
    chance = {name: own.value for name, own in found.chance.items()}
    shares = {**_binding(found.binding), **_with_chance(found.test, chance)}
    note = f"{modality}: {found.test_scenes} held-out scenes, trained on {found.train_scenes}, {found.splits} splits"
    return _bars(shares, f"{note}; the tick is chance; {_levels(found.object_chance)}")


def sum_of_objects(found: DecompositionResponse, modality: str) -> Bars:
    """Sums of object vectors."""
    r2 = "unknown" if found.r2.test is None else f"{found.r2.test:.3f}"
    shares = {**_binding(found.binding), "retrieval": (found.retrieval, None), **_probed(found.probing)}
    return _bars(shares, f"{modality}: held-out R² {r2}; {_tick(found.binding)}; {_levels(found.object_chance)}")


def removal(found: RemovalResponse, modality: str) -> Table:
    """Targeted removal."""
    rows = []
    for name, own in found.variants.items():
        binding = found.bindings[name]
        score = "no pair" if binding.forced_choice is None else f"{share(binding.forced_choice)}; {binding.says}"
        rows.append((name.replace("_", " "), score, share(own["concepts"]), share(own["object"])))
    head = ("Variant", "Binding score", "Concepts", "Objects")
    return Table(head, rows, f"{modality}: held-out probes on each variant; {_levels(found.object_chance)}")


def intervention(found: InterventionResponse, modality: str) -> Bars:
    """Interventions over all edits."""
    shares = _binding(found.binding)
    shares |= {"lands on the wanted scene": (found.retrieval, None), "stays where it was": (found.stayed, None)}
    note = f"{modality}: {found.edits} edits of {found.concept}"
    if found.rendered_cosine is not None:
        note += f"; cosine to the model's own vector {found.rendered_cosine.mean:.3f}"
    return _bars(
        {**shares, **_probed(found.probing)}, f"{note}; {_tick(found.binding)}; {_levels(found.object_chance)}"
    )


def retrieval(found: RetrievalResponse) -> Bars:
    """Retrieval among swapped twins."""
    shares = _binding(found.binding)
    shares |= {f"recall@{k}": (own, None) for k, own in found.recall.items()}
    shares["a twin before all right ones"] = (found.swapped_first, found.swapped_first_chance)
    shares["undecided"] = (found.undecided, None)
    note = f"{found.direction.replace('_', ' ')}: {found.queries} queries, gallery of {found.gallery}"
    return _bars(shares, f"{note}; the tick is chance")


def _bars(shares: Shares, note: str) -> Bars:
    bars = []
    for name, (own, chance) in shares.items():
        if own.value is not None:
            low, high = (own.value if end is None else end for end in (own.low, own.high))
            bars.append(Bar(name, own.value, low, high, chance, share(own)))
    return Bars(bars, note)


def _binding(binding: Binding) -> dict[str, tuple[Interval, float | None]]:
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


def _tick(binding: Binding) -> str:
    """What the tick of the binding score stands for."""
    if binding.control is None:
        return "the tick is chance"
    return "the tick is the same after the vectors of each bag were dealt out anew"


def _probed(heads: Recognition) -> dict[str, tuple[Interval, float | None]]:
    return {f"probe: {_HEADS.get(name, name)}": (own, None) for name, own in heads.items()}


def _with_chance(heads: Recognition, chance: Mapping[str, float | None]) -> dict[str, tuple[Interval, float | None]]:
    return {
        _HEADS.get(name, name): (own, chance.get("object" if name == "object_on_valid_swaps" else name))
        for name, own in heads.items()
    }
