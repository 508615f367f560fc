"""The model card of the bundled models: every figure in ``docs/models.md`` is measured by this command.

Run as ``python -m bindscope.training.bundled.model_card --out docs/models.md``.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from bindscope.analysis.metrics import Interval
from bindscope.scenes.concepts import Object
from bindscope.training.bundled.config import PRESETS, SPACE
from bindscope.training.bundled.evaluation import Layout, Measured, Towers, draw_scenes, measure, open_folder
from bindscope.training.bundled.folder import read_card

BUNDLED = Path(__file__).parents[1] / "bundled"

_HEAD = """\
# The bundled models

Four small open_clip models come with Bindscope, so that everything works offline at once. All read 64 x 64 pictures
of the `shapes2d` space (10 colours x 10 shapes) and short captions, and all were trained by this project's own
command on its own renderer, on one CPU thread. They are teaching material and controls, not general models: outside
coloured shapes on a plain background they know nothing.

| model | each tower holds the binding | the towers share it | one matrix on the text side mends it |
| --- | --- | --- | --- |
| `tiny-bag` | the picture tower does, the text tower hardly | no | no |
| `tiny-bind` | yes | yes | nothing to mend |
| `tiny-split` | yes, by one product code | no | yes |
| `tiny-table` | yes, in two unrelated tables | no | no |

Every figure on this page, except for those of seeds, is a share of {number} random scenes, with its Wilson 95 %
interval, measured with seed {seed} (training and its validation use other ones) by

    python -m bindscope.training.bundled.model_card --seed {seed} --number {number} --out docs/models.md

- *Swap*: the cosine of the picture with the best true caption (any order of mention) is strictly above that with the
  best swapped caption (any valid swap). A coin gets 0.5 with two objects, and less with more of them, which can be
  swapped in more ways. A tie is undecided and not counted as right.
- *Recognised*: the lowest cosine with a present concept value, or object, is strictly above the highest with an
  absent one. *Concepts* means all colours and all shapes at once.
- *Unseen*: scenes made only of objects that training never showed or named; *seen*: only of those that it did.
- Layout *random*: anywhere on the canvas, sizes varied; *slots*: side by side from left to right.
- Six in ten training scenes have two objects, two in ten have one, the rest three or more, seldom four to six: with
  four objects and more the models are out of their depth, and the rows below say how far.
"""
_COLUMNS = ("layout", "objects in the scene", "drawn from", "swap", "undecided", "color", "shape", "concepts", "object")


def write_models_page(folders: Sequence[Path], *, out: Path, seed: int, number: int) -> Iterator[str]:
    """Measure the models in ``folders`` and write the page; yields one line for each row that is done."""
    parts = [_HEAD.format(seed=seed, number=number)]
    for folder in folders:
        card, towers = read_card(folder), open_folder(folder)
        rows = []
        for layout, count, kind, pool in _conditions(card):
            scenes = draw_scenes(SPACE, pool, count=count, number=number, layout=layout, seed=seed)
            rows.append((layout, str(count), kind, *_cells(measure(towers, scenes), count)))
            yield f"{card['name']}: " + ", ".join(rows[-1])
        parts.append(_section(card, folder=folder, towers=towers, rows=rows))
    out.write_text("\n".join(parts), encoding="utf-8")


def _conditions(card: Mapping[str, Any]) -> Iterator[tuple[Layout, int, str, list[Object]]]:
    """Layout, number of objects, name of the pool and the pool: all pools for two objects, all objects otherwise."""
    unseen = [SPACE.index(named) for named in card["held_out"]]
    everything = SPACE.objects()
    pools = {"all": everything}
    if unseen:
        pools |= {"seen": [o for o in everything if o not in unseen], "unseen": unseen}
    layouts: tuple[Layout, ...] = ("random", "slots")
    for layout in layouts:
        for kind, pool in pools.items():
            yield layout, 2, kind, pool
    for count in (1, 3, 4):
        for layout in layouts:
            yield layout, count, "all", everything


def _cells(found: Measured, count: int) -> tuple[str, ...]:
    contest = (found.swap, found.undecided) if count > 1 else (None, None)
    return tuple(_cell(x) for x in (*contest, *found.each_concept, found.concepts, found.object))


def _cell(interval: Interval | None) -> str:
    if interval is None or interval.value is None:
        return "-"
    return f"{interval.value:.3f} ({interval.low:.3f}-{interval.high:.3f})"


def _section(card: Mapping[str, Any], *, folder: Path, towers: Towers, rows: Sequence[Sequence[str]]) -> str:
    settings = card["settings"]
    size = sum(file.stat().st_size for file in folder.iterdir())
    unseen = ", ".join(" ".join(named.values()) for named in card["held_out"]) or "none: every object is seen"
    table = [_COLUMNS, ("---",) * len(_COLUMNS), *rows]
    lines = [
        f"## `bundled:{card['name']}`",
        "",
        card["summary"],
        "",
        f"- Trained with: {_training(settings)}",
        f"- Objects never shown or named in training: {unseen}.",
        f"- {settings['steps']:,} steps of {sum(settings['batch'])} scenes, AdamW, learning rate "
        f"{settings['learning_rate']:g} with warm-up and cosine, weight decay {settings['weight_decay']:g}; "
        f"seed {card['seed']}; {card['cpu_seconds']:,.0f} seconds of one CPU core "
        f"({card['seconds']:,.0f} on the clock of a shared machine).",
        f"- {size / 1e6:.2f} MB, pictures of {towers.pixels} x {towers.pixels} pixels, {settings['embed_dim']} "
        f"dimensions, renderer version {card['renderer']}, torch {card['versions']['torch']}, "
        f"open_clip {card['versions']['open_clip']}.",
        f"- Made by `{_command(card)}`.",
        "",
        *_about_seeds(card),
        *("| " + " | ".join(row) + " |" for row in table),
        "",
    ]
    return "\n".join(lines)


_SEEDS = """\
Each seed, measured by `python scripts/seed_figures.py --name {name} FOLDER ...`; the first is shipped. *Picture* and
*text* are linear probes of one tower on held-out scenes in slots that have a valid swap: objects strictly recognised,
then the forced choice between a scene and its swap, where chance is 1/2. *Contest* is that choice by the cosine of
pictures and captions, in random places; *concepts* as above. *Unrepaired* and *repaired* are contests on a block of
objects that the map did not see; t is what was kept of the map, 0 where the repair was refused, and *whole map* the
contest with all of the map that was tried (that of no map where every trial was worse where it had to be chosen).
"""
_SEED_COLUMNS = ("seed", "picture", "text", "contest", "concepts", "unrepaired", "repaired", "t", "whole map")


def _about_seeds(card: Mapping[str, Any]) -> list[str]:
    """What to keep in mind about a model that was made for a point, and the figures of its seeds; or nothing."""
    if "seeds" not in card:
        return []
    rows = [_SEED_COLUMNS, ("---",) * len(_SEED_COLUMNS), *map(_seed_row, card["seeds"])]
    said = [fill(card["caution"], 120), "", _SEEDS.format(name=card["name"])]
    return [*said, *("| " + " | ".join(row) + " |" for row in rows), ""]


def _seed_row(found: Mapping[str, Any]) -> tuple[str, ...]:
    probes = (f"{_listed(found[f'{own}_strict'])}; {found[f'{own}_choice'][0]:.3f}" for own in ("image", "text"))
    repair = found["repair"]
    mended = (_listed(repair["before"]), _listed(repair["after"]), f"{repair['t']:g}", _listed(repair["whole_map"]))
    return (str(found["seed"]), *probes, _listed(found["contest"]), _listed(found["concepts"]), *mended)


def _listed(share: Sequence[float]) -> str:
    value, low, high = share
    return f"{value:.3f} ({low:.3f}-{high:.3f})"


def _command(card: Mapping[str, Any]) -> str:
    """The command that trains these weights again; the number of steps is said where the preset has another one."""
    steps = card["settings"]["steps"]
    asked = "" if steps == PRESETS[card["name"]].steps else f" --steps {steps}"
    return f"bindscope train bundled --name {card['name']} --seed {card['seed']}{asked} --out FOLDER"


def _training(settings: Mapping[str, Any]) -> str:
    if settings["captions"] == "full":
        parts = ["full captions in every order of mention"]
    elif settings["captions"] == "dealt":
        parts = ["captions in full form whose shapes are dealt out to the colours at random, both pairings being right"]
    else:
        parts = [
            f"captions that list the concepts in random order ({1 - settings['full_share']:.0%}) or say which belongs "
            f"to which ({settings['full_share']:.0%})"
        ]
    parts.append("queries for every concept value")
    if settings["object_queries"]:
        parts.append("queries for every seen object")
    if private := settings.get("private"):
        code = "one product code" if private["codes"] == "product" else "a learnt table of its own"
        parts.append(f"each tower alone names the objects, through a linear map of its own into {code}")
        parts.append("a penalty that keeps the mean margin of true over swapped captions at zero")
    parts.append("swapped captions as negatives" if settings["swap_negatives"] else "no swapped captions")
    return "; ".join(parts) + "."


def main() -> None:
    """Measure the bundled models and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("docs/models.md"))
    parser.add_argument("--seed", type=int, default=20261125)
    parser.add_argument("--number", type=int, default=400)
    args = parser.parse_args()
    folders = [BUNDLED / name for name in PRESETS if (BUNDLED / name / "card.json").is_file()]
    for line in write_models_page(folders, out=args.out, seed=args.seed, number=args.number):
        print(line, flush=True)


if __name__ == "__main__":
    main()
