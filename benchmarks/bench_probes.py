"""Linear probes against the published procedure, on the same input and in one run: seconds and held-out recognition.

Prints JSON lines. The published procedure is read from a folder beside the repository; without it there is nothing to
compare with, and a line says so.
"""

import time
from types import ModuleType

import numpy as np

from benchmarks.published import published, say
from bindscope.analysis.probes import fit_probes
from bindscope.analysis.probing import probe
from bindscope.analysis.readings import recognise_with
from bindscope.domain.labels import SceneLabels
from bindscope.domain.specs import ProbeSpec

VALUES, NAMES = (8, 3), ("color", "shape")
# Their product world: the one on which probes can differ. On the additive one everybody reaches 1.
WORLD = "product"
ROUNDS = 3


def _growth() -> None:
    """Seconds on larger inputs, additive with as much noise as signal."""
    for scenes, values, dim in ((10_000, (10, 10), 128), (20_000, (20, 20), 256)):
        rng = np.random.default_rng(0)
        labels = SceneLabels(rng.integers(0, values, (scenes, 2, 2)), values, NAMES)
        table = rng.standard_normal((labels.object_count, dim))
        embeddings = (table[labels.object_ids].sum(1) + rng.standard_normal((scenes, dim))).astype(np.float32)
        start = time.perf_counter()
        probe(embeddings, labels, ProbeSpec())
        name = f"probes, {scenes} scenes x {dim}, {labels.object_count} objects"
        say(name, round(time.perf_counter() - start, 2), "s", aim="< 120 s")


def main() -> None:
    """Ours is the best of a few rounds; the published one is long enough to need one only."""
    modules = published("reference", "worlds")
    if modules is not None:
        _against_published(*modules)
    _growth()


def _against_published(reference: ModuleType, worlds: ModuleType) -> None:
    """Both fit on the same training scenes, the published procedure's own, and score the same others."""
    import torch

    torch.set_num_threads(1)
    embeddings, scenes = worlds.make_world(WORLD)
    labels = SceneLabels(scenes, VALUES, NAMES)
    order = torch.randperm(len(scenes), generator=torch.Generator().manual_seed(0)).numpy()
    train, test = np.split(order, [int(0.4 * len(scenes))])
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        probes = fit_probes(embeddings[train], labels.take(train))
        hits = recognise_with(probes, embeddings, labels)
        seconds.append(time.perf_counter() - start)
    start = time.perf_counter()
    _, theirs = reference.fit_probes(embeddings, scenes, VALUES)
    whole = time.perf_counter() - start
    size, reached = f"{len(scenes)} scenes x {embeddings.shape[1]}", theirs["test"]["object"]
    say(f"probes, {size}", round(min(seconds), 3), "s")
    say(f"probes, {size}, published procedure", round(whole, 2), "s")
    say("probes, times faster than published", round(whole / min(seconds), 1), "x", aim=">= 30x")
    say("probes, held-out object recognition, published", round(reached, 4), "share")
    share = float(hits.object[test].mean())
    say("probes, held-out object recognition", round(share, 4), "share", aim=f">= {reached:.4f}")


if __name__ == "__main__":
    main()
