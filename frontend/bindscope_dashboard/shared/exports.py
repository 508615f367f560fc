"""Downloads of what the pages show, as CSV. (JSON is the answer itself.)"""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from bindscope.core.wire import Binding, Interval, Recognition
from bindscope.features.complexity.schemas import ComplexityCellResult
from bindscope.features.interventions.schemas import InterventionResponse
from bindscope.features.probes.schemas import ProbeResponse
from bindscope.features.removals.schemas import RemovalResponse
from bindscope.features.surveys.schemas import VerdictBatch
from bindscope.features.trainings.schemas import PhaseCell
from bindscope.features.verdicts.schemas import Verdict
from bindscope_dashboard.pages.decompositions.figures import Fit

#: What a fit of the binding function is scored on beside R2.
_HEADS = ("object", "object_on_valid_swaps", "concepts")
#: Figures of the sum and the product among some objects of a run.
_FITS = ("additive_r2", "product_r2", "product_share")


def verdict_csv(verdict: Verdict) -> str:
    """Every score: kind, name, whether it is in the scene, cosine."""
    rows: list[Sequence[object]] = [
        (f"{c.kind}_caption", c.text, c.kind == "true", c.score) for c in verdict.contest.captions
    ]
    rows += [(f"concept:{s.concept}", s.value, s.present, s.score) for s in verdict.concepts.scores]
    rows += [("object", " ".join(o.values.values()), o.present, o.score) for o in verdict.objects.scores]
    return csv_text(("kind", "name", "in_scene", "cosine"), rows)


def survey_csv(batch: VerdictBatch) -> str:
    """Every share with its interval, then the swap atlas."""
    known = {"binding": batch.binding.forced_choice, "double_difference": batch.binding.double_difference}
    known |= {"order_against_meaning": batch.order_against_meaning, "robust": batch.robust}
    shares = {name: own for name, own in known.items() if own is not None}
    shares |= {"swap_accuracy": batch.swap_accuracy, "undecided": batch.undecided}
    shares |= {f"recognition:{name}": interval for name, interval in batch.recognition.items()}
    rows: list[Sequence[object]] = [(name, "", "", i.value, i.low, i.high, i.n) for name, i in shares.items()]
    rows += [
        (f"{name}:{c.concept}", c.value, c.other, *numbers_of(own))
        for c in batch.atlas
        for name, own in (("swapped", c.swapped), ("shrunk", c.shrunk))
    ]
    return csv_text(("figure", "value", "other", "share", "low", "high", "n"), rows)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return text.getvalue()


def probe_csv(probes: Mapping[str, ProbeResponse]) -> str:
    """Every share of every probe: by head, then by value."""
    rows: list[Sequence[object]] = []
    for modality, probe in probes.items():
        rows += [(modality, "test", name, "", *numbers_of(i)) for name, i in _binding(probe.binding).items()]
        for split, recognition in (("test", probe.test), ("train", probe.train), ("chance", probe.chance)):
            rows += [(modality, split, name, "", *numbers_of(i)) for name, i in recognition.items()]
        for concept, values in probe.per_value.items():
            rows += [(modality, "test", concept, v.value, *numbers_of(v.test)) for v in values]
            rows += [(modality, "train", concept, v.value, *numbers_of(v.train)) for v in values]
    return csv_text(("modality", "split", "head", "value", "share", "low", "high", "n"), rows)


def decomposition_csv(fits: Sequence[Fit]) -> str:
    """R2 by estimator and level, and that of the random twin."""
    rows = [(f.estimator, f.level, f.train, f.test, f.twin) for f in fits]
    return csv_text(("estimator", "level", "r2_train", "r2_test", "r2_test_random_weights"), rows)


def interventions_csv(result: InterventionResponse) -> str:
    """The binding score, retrieval, the scenes that stayed, and the probes on the edited vectors."""
    shares = _binding(result.binding) | {"retrieval": result.retrieval, "stayed": result.stayed}
    shares["retrieval_published"] = result.retrieval_published
    shares |= {f"probing:{name}": interval for name, interval in result.probing.items()}
    return csv_text(("figure", "share", "low", "high", "n"), [(name, *numbers_of(i)) for name, i in shares.items()])


def removal_csv(result: RemovalResponse) -> str:
    """Binding scores and recognition by variant and head, and chance."""
    table = {name: _binding(result.bindings[name]) | heads for name, heads in result.variants.items()}
    table["chance"] = result.chance
    rows = [(variant, name, *numbers_of(i)) for variant, heads in table.items() for name, i in heads.items()]
    return csv_text(("variant", "head", "share", "low", "high", "n"), rows)


def _binding(binding: Binding) -> dict[str, Interval]:
    """The binding score and what stands beside it, by name."""
    control, twin, unpaired = binding.control, binding.twin, binding.unpaired
    named = {"binding": binding.forced_choice, "binding_undecided": binding.undecided}
    if control is not None:
        named |= {"binding_control": control.forced_choice, "binding_difference": control.difference}
    if twin is not None:
        named |= {"binding_random_weights": twin.forced_choice, "binding_more_than_random_weights": twin.difference}
    if unpaired is not None:
        named |= {"binding_unpaired": unpaired.forced_choice, "binding_bag_baseline": unpaired.bag_baseline}
    return {name: own for name, own in named.items() if own is not None}


def numbers_of(interval: Interval) -> tuple[float | None, float | None, float | None, int]:
    """Value, ends and trials of a share."""
    return interval.value, interval.low, interval.high, interval.n


def complexity_csv(sources: Mapping[str, Sequence[ComplexityCellResult]]) -> str:
    """Every fit: R2, the binding score, then strict recognition with its ends, ceiling and chance."""
    rows = [(source, *_fit_row(cell)) for source, cells in sources.items() for cell in cells]
    head = ["source", "kind", "coverage", "seed", "train_scenes", "test_scenes", "train_r2", "test_r2", "r2_ceiling"]
    head += ["binding", "binding_low", "binding_high", "binding_n", "binding_ceiling"]
    for name in _HEADS:
        head += [name, f"{name}_low", f"{name}_high", f"{name}_ceiling", f"{name}_chance"]
    return csv_text(head, rows)


def _fit_row(cell: ComplexityCellResult) -> Sequence[object]:
    row: list[object] = [cell.kind, cell.coverage, cell.seed, cell.train_scenes, cell.test_scenes]
    row += [cell.train_r2, cell.test_r2, cell.r2_ceiling, *_score(cell.binding), _score(cell.ceiling_binding)[0]]
    for name in _HEADS:
        row += [*_ends(cell.test, name), _share(cell.ceiling, name), _share(cell.chance, name)]
    return row


def _score(binding: Binding | None) -> tuple[float | None, float | None, float | None, int]:
    found = None if binding is None else binding.forced_choice
    return (None, None, None, 0) if found is None else numbers_of(found)


def history_csv(history: Sequence[Mapping[str, float | None]]) -> str:
    """The curves of a training, by step."""
    names = ("step", "loss", "seen_object", "seen_concepts", "unseen_object", "unseen_concepts")
    return csv_text(names, [tuple(report.get(name) for name in names) for report in history])


def phase_csv(cells: Sequence[PhaseCell]) -> str:
    """Every run of a phase diagram."""
    head = ("space", "objects", "coverage", "seed", "model", "best_step", "steps", "seconds", "unseen_object",
            "unseen_object_low", "unseen_object_high", "unseen_concepts", "seen_object", "seen_concepts",
            "binding", "binding_low", "binding_high", "binding_n", "seen_binding",
            *(f"{part}_{name}" for part in ("seen", "unseen") for name in _FITS))  # fmt: skip
    return csv_text(head, [_run_row(cell) for cell in cells])


def _run_row(cell: PhaseCell) -> Sequence[object]:
    return (
        *(cell.space, cell.objects, cell.coverage, cell.seed, cell.model, cell.best_step, cell.steps, cell.seconds),
        *_ends(cell.unseen, "object"),
        *(_share(cell.unseen, "concepts"), _share(cell.seen, "object"), _share(cell.seen, "concepts")),
        *(*_score(cell.binding), _score(cell.seen_binding)[0]),
        *(getattr(part, name, None) for part in (cell.product.seen, cell.product.unseen) for name in _FITS),
    )


def _share(heads: Recognition, name: str) -> float | None:
    return None if name not in heads else heads[name].value


def _ends(heads: Recognition, name: str) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if name not in heads else (heads[name].value, heads[name].low, heads[name].high)
