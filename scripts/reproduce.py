"""Writes docs/reproducing.md: the paper's reported figures beside what this code measures on the sources at hand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bindscope.cli.local import client_for
from bindscope.client import BindscopeClient
from bindscope.core.wire import Binding, Interval

TARGET = Path(__file__).parent.parent / "docs" / "reproducing.md"
SPACE = "clevr2d"
SOURCES = (
    ("bundled:tiny-bag", "image"),
    ("bundled:tiny-bag", "text"),
    ("bundled:tiny-bind", "image"),
    ("bundled:tiny-bind", "text"),
    ("bundled:tiny-split", "image"),
    ("bundled:tiny-split", "text"),
    ("bundled:tiny-table", "image"),
    ("bundled:tiny-table", "text"),
    ("random:bundled:tiny-bind", "image"),
    ("random:bundled:tiny-bind", "text"),
    ("bundled:all-minilm-l6-v2", "text"),
)
#: What the paper's own scripts print on the same vectors, where an independent audit ran them.
SCRIPT: Mapping[str, Mapping[tuple[str, str], str]] = {
    "probes": {("bundled:all-minilm-l6-v2", "text"): "0.720", ("bundled:tiny-bind", "image"): "1.000"},
    "r2": {("bundled:all-minilm-l6-v2", "text"): "0.899 / 0.905"},
    "removal": {("bundled:all-minilm-l6-v2", "text"): "0.45 / 0.70, 0.37 / 0.14"},
}

HEAD = f"""# Reproducing the paper's figures

*Reported* figures are those of "How can embedding models bind concepts?" (Uselis, Koishigarina, Oh; ICML 2026), as far
as public notes give them; nothing here was copied from its code. *Measured* figures come from this code, on the models
that are available without a download, on all 576 scenes of `{SPACE}`, by

    python scripts/reproduce.py

Each row names the command that gives its figures alone. Three kinds of columns stand side by side:

- *published procedure*: the paper's definitions, as this code follows them where it is asked to (its loss, its split by
  scene, its averages and filters);
- *paper's own script*: what that script prints on the same vectors, where it was run by an independent audit; a dash
  where it was not. Its R2 is over six test scenes, and its concept figure is the mean over concepts, not all at once;
- *ours*: ridge probes split by bag under five seeds, nothing fitted on scored scenes, ties never right.

The bundled models are small and were trained on coloured shapes, so their figures are not those of CLIP: the tables
show what the procedures say of models whose behaviour is known. The towers of `tiny-bag` share a bag of concepts, those
of `tiny-bind` share the binding, those of `tiny-split` and `tiny-table` both hold it and do not share it.

With access to a model hub, the paper's own models take the same commands:

    export BINDSCOPE_ALLOW_DOWNLOADS=1
    bindscope probe     --model open_clip:ViT-B-32/openai --space {SPACE} --modality image
    bindscope decompose --model open_clip:ViT-B-32/openai --space {SPACE} --modality text --estimator avg_pos
    bindscope intervene   --model hf:facebook/dinov2-base   --space {SPACE} --modality image --estimator avg_pos
    bindscope decompose --model open_clip:ViT-B-32/openai --space words   --modality text --limit 160000
"""


@dataclass(frozen=True)
class Row:
    """One line of a table: the source, its figures and the command."""

    source: str
    figures: tuple[str, ...]
    command: str


def main() -> None:
    """Asks a private service and writes the page."""
    with client_for(None) as client:
        parts = [HEAD, *_probes(client), *_contests(client), *_r2(client), *_removal(client), *_interventions(client)]
    TARGET.write_text("\n".join(parts), encoding="utf-8")
    print(TARGET)


def _probes(client: BindscopeClient) -> Iterator[str]:
    rows = []
    for model, modality in SOURCES:
        ours = client.probe(_source(model, modality))
        published = client.probe(_source(model, modality), estimator="published", split="scene", splits=1)
        figures = (
            _value(published.test["object"], 3),
            SCRIPT["probes"].get((model, modality), "-"),
            _share(ours.test["object"]),
            _value(published.test["object_on_valid_swaps"], 3),
            _share(ours.test["object_on_valid_swaps"]),
            _binding(ours.binding),
        )
        rows.append(Row(f"{model}, {modality}", figures, f"bindscope probe {_options(model, modality)}"))
    yield "## Linear probes, held out\n"
    yield "Reported for CLIP B/32 (mean over concepts / object): text 1.00 / 1.00, image 0.94 / 0.96.\n"
    yield (
        "*Object* and *valid swaps* are strict (all present above all absent), the second on scenes that have a swap: "
        "1/6 for random scores among the objects that the values allow, 1/2 for always naming the same pairing. The "
        "*binding score* is the paired forced choice, chance 1/2; intervals of ours are over bags.\n"
    )
    heads = ("object, published procedure", "object, paper's own script", "object, ours")
    yield from _table((*heads, "valid swaps, published procedure", "valid swaps, ours", "binding score, ours"), rows)


def _contests(client: BindscopeClient) -> Iterator[str]:
    rows = []
    for model in dict.fromkeys(model for model, _ in SOURCES):
        found = client.verdict_batch(model, space=SPACE, count=400)
        double = found.binding.double_difference
        chance = found.swap_accuracy_chance
        accuracy = f"{_share(found.swap_accuracy)}, {'-' if chance is None else f'{chance:.2f}'}"
        figures = (accuracy, _binding(found.binding), "-" if double is None else _share(double))
        rows.append(Row(model, figures, f"bindscope check --model {model} --space {SPACE} --count 400"))
    yield "## Contests of captions\n"
    yield "Reported: CLIP prefers the true caption in 0.58 of the scenes of CLEVR, 0.53 and 0.50 of PUG.\n"
    yield "*Swap accuracy* is the published figure: the best true caption against the best swapped one.\n"
    yield from _table(("swap accuracy, its chance", "binding score, ours", "double difference, ours"), rows)


def _r2(client: BindscopeClient) -> Iterator[str]:
    rows = []
    for model, modality in SOURCES:
        found = []
        for estimator, level in (("avg", 1), ("avg_pos", 1), ("lstsq_pos", 1), ("lstsq_pos", 2)):
            got = client.decompose(_source(model, modality), estimator=estimator, level=level).r2.test
            found.append("-" if got is None else f"{got:.3f}")
        figures = (found[0], found[1], SCRIPT["r2"].get((model, modality), "-"), f"{found[2]} / {found[3]}")
        command = f"bindscope decompose {_options(model, modality)} --estimator avg_pos"
        rows.append(Row(f"{model}, {modality}", figures, command))
    yield "## Additive decomposition, R2 on held-out scenes\n"
    yield (
        "Reported (avg / avg_pos): CLIP text 0.90 / 0.92, random-weights text 0.47 / 0.69, CLEVR CLIP 0.78 / 0.83, "
        "PUG:SPARE CLIP 0.75 / 0.84, PUG:SPARE DINOv2 0.78 / 0.86.\n"
    )
    heads = ("avg", "avg_pos", "objects / concepts, paper's own script", "objects / concepts, ours (lstsq_pos)")
    yield from _table(heads, rows)


def _removal(client: BindscopeClient) -> Iterator[str]:
    rows = []
    for model, modality in SOURCES:
        got = client.remove(_source(model, modality))
        script = SCRIPT["removal"].get((model, modality), "-")
        figures = tuple(
            f"{_value(own['concepts'])} / {_value(own['object'])} / {_score(got.bindings[name])}"
            for name, own in got.variants.items()
        )
        rows.append(Row(f"{model}, {modality}", (script, *figures), f"bindscope remove {_options(model, modality)}"))
    yield "## Targeted removal: concepts / objects recognised / binding score\n"
    yield (
        "Reported (concepts / objects): original 1.00 / 1.00, minus concepts 0.06 / 0.99, minus objects 0.05 / 0.04, "
        "permuted controls 0.92 to 0.99 / 0.99 to 1.00. *Paper's own script*: minus concepts, minus objects "
        "(mean over concepts / object). The random subspaces are the control; what is permuted adds a signal that "
        "probes can read.\n"
    )
    yield from _table(("paper's own script", *(name.replace("_", " ") for name in got.variants)), rows)


def _interventions(client: BindscopeClient) -> Iterator[str]:
    rows = []
    for model, modality in SOURCES:
        figures = []
        for estimator in ("avg", "avg_pos", "single"):
            got = client.intervene(_source(model, modality), estimator=estimator)
            figures += [_value(got.retrieval_published), _value(got.retrieval)]
        command = f"bindscope intervene {_options(model, modality)} --estimator avg_pos"
        rows.append(Row(f"{model}, {modality}", tuple(figures), command))
    yield "## Interventions, top-1 retrieval of the edited scene\n"
    yield (
        "Reported (avg / avg_pos / single): CLEVR 1.00 / 1.00 / 0.97, CLEVR-2D 0.99 / 0.99 / 0.97, "
        "PUG:SPARE CLIP 0.86 / 0.94 / -. The published procedure keeps an edit's own two scenes in the averages and "
        "leaves out scenes whose objects differ in the edited concept alone.\n"
    )
    names = ("avg", "avg_pos", "single")
    yield from _table([f"{name}, {who}" for name in names for who in ("published procedure", "ours")], rows)


def _table(heads: Sequence[str], rows: Sequence[Row]) -> Iterator[str]:
    yield "| source | " + " | ".join(heads) + " | command |"
    yield "|---|" + "---:|" * len(heads) + "---|"
    for row in rows:
        yield f"| `{row.source}` | " + " | ".join(row.figures) + f" | `{row.command}` |"
    yield ""


def _source(model: str, modality: str) -> dict[str, str]:
    return {"model": model, "space": SPACE, "modality": modality}


def _options(model: str, modality: str) -> str:
    return f"--model {model} --space {SPACE} --modality {modality}"


def _binding(found: Binding) -> str:
    return found.says if found.forced_choice is None else f"{_share(found.forced_choice)}, {found.says}"


def _score(found: Binding) -> str:
    return "-" if found.forced_choice is None else _value(found.forced_choice)


def _share(value: Interval) -> str:
    if value.value is None:
        return "-"
    return f"{value.value:.3f} ({value.low:.3f}-{value.high:.3f})"


def _value(value: Interval, digits: int = 2) -> str:
    return "-" if value.value is None else f"{value.value:.{digits}f}"


if __name__ == "__main__":
    main()
