"""Writes into the card of a bundled model what each trained seed of it does, asked as anybody would ask.

    python scripts/seed_figures.py --name tiny-split FOLDER [FOLDER ...]

The folders are those of ``bindscope train bundled --name tiny-split --seed 0 --out FOLDER`` and of further seeds; all
must have one parent folder.
"""

import argparse
import tempfile
from pathlib import Path
from typing import Any

import bindscope
from bindscope.client import BindscopeClient
from bindscope.core.wire import Interval
from bindscope.training.bundled.folder import read_card, write_card
from bindscope.training.bundled.model_card import BUNDLED

SPACE = "shapes2d"
#: Seed of the scenes and of the splits; training and validation use other ones.
SEED = 20261203
#: Two-object scenes in slots behind probes and repair, and scenes in random places behind the contest.
SCENES, CONTESTS = 4000, 2000


def main() -> None:
    """Measures every folder and writes the card."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("folders", nargs="+", type=Path)
    args = parser.parse_args()
    folders: list[Path] = [folder.resolve() for folder in args.folders]
    with tempfile.TemporaryDirectory() as data, bindscope.local(data_dir=data, model_roots=(folders[0].parent,)) as own:
        seeds = [{"seed": read_card(folder)["seed"], **figures(own, folder)} for folder in folders]
    card = read_card(BUNDLED / args.name)
    write_card(BUNDLED / args.name, {**card, "seeds": seeds})
    print(*seeds, sep="\n")


def figures(client: BindscopeClient, folder: Path) -> dict[str, Any]:
    """Shares as [value, low, high]. ``choice`` and ``contest`` are binding scores, by a probe and by captions."""
    model = f"open_clip:local-dir:{folder}"
    found: dict[str, Any] = {}
    for modality in ("image", "text"):
        source = {"model": model, "space": SPACE, "modality": modality, "limit": SCENES}
        probed = client.probe(source, seed=SEED)
        found[f"{modality}_strict"] = _share(probed.test["object_on_valid_swaps"])
        found[f"{modality}_choice"] = _share(probed.binding.forced_choice)
    survey = client.verdict_batch(model, SPACE, count=CONTESTS, seed=SEED, only_valid_swaps=True)
    found["swap"] = _share(survey.swap_accuracy)
    found["contest"] = _share(survey.binding.forced_choice)
    found["concepts"] = _share(survey.recognition["concepts"])
    mended = client.repair(model, SPACE, limit=SCENES, seed=SEED)
    found["repair"] = {
        "t": mended.t,
        "before": _share(mended.before.binding.forced_choice),
        "after": _share(mended.after.binding.forced_choice),
        "gain": _share(mended.gain),
        "whole_map": _share(mended.path[-1].binding.forced_choice),
    }
    return found


def _share(interval: Interval | None) -> list[float | None] | None:
    if interval is None:
        return None
    return [None if number is None else round(number, 4) for number in (interval.value, interval.low, interval.high)]


if __name__ == "__main__":
    main()
