"""One picture a request from 1, 8, 32 and 128 clients, against a bare loop over batches with the same weights.

ViT-B/32 has random weights: they cost as much as trained ones. One thread per forward pass on both sides; the clients
share the two cores with the service.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.clients import pictures
from benchmarks.published import say
from benchmarks.serving import serving

BATCH, SIDE = 64, 64
#: Model, side of its pictures, pictures of the loop, requests at 1, 8, 32 and 128 clients.
MODELS = (("tiny-bind", 64, 512, (128, 512, 1024, 1024)), ("ViT-B/32", 224, 64, (16, 64, 96, 128)))
CLIENTS = (1, 8, 32, 128)
ROUNDS = 3


def main() -> None:
    """Prints one JSON line per measurement."""
    with tempfile.TemporaryDirectory() as folder:
        roots = Path(folder) / "models"
        vit = _random_vit(roots / "vit-b-32")
        from bindscope.encoders.families.bundled import bundled_folder

        ids = {"tiny-bind": "bundled:tiny-bind", "ViT-B/32": f"open_clip:local-dir:{vit}"}
        folders = {"tiny-bind": bundled_folder("tiny-bind"), "ViT-B/32": vit}
        _beside_a_busy_thread(folders["tiny-bind"])
        with serving(Path(folder) / "data", model_roots=str(roots), threads="1") as port:
            for name, side, count, requests in MODELS:
                _measure(name, ids[name], _loop(folders[name]), port=port, side=side, count=count, requests=requests)


def _measure(
    name: str,
    model: str,
    loop: Callable[[np.ndarray], np.ndarray],
    *,
    port: int,
    side: int,
    count: int,
    requests: tuple[int, ...],
) -> None:
    load = _Load(port, model, side)
    load(clients=4, requests=16)
    loop(pictures(0, min(count, BATCH), side))
    loops: list[float] = []
    rates: dict[int, list[dict[str, float]]] = {clients: [] for clients in CLIENTS}
    for turn in range(ROUNDS):  # alternated, so that a busy moment hits both
        batch = pictures(10_000 + turn, count, side)
        began = time.perf_counter()
        for start in range(0, count, BATCH):
            loop(batch[start : start + BATCH])
        loops.append(count / (time.perf_counter() - began))
        for clients, number in zip(CLIENTS, requests, strict=True):
            rates[clients].append(load(clients=clients, requests=number))
    bare = float(np.median(loops))
    say(f"{name}: bare loop, batches of {BATCH} pictures", bare, "pictures/s")
    for clients in CLIENTS:
        median = {key: float(np.median([run[key] for run in rates[clients]])) for key in ("rate", "p50", "p99")}
        say(f"{name}: one picture a request, {clients} clients", median["rate"], "pictures/s")
        aim = ">= 0.9" if clients == 32 else None
        say(f"{name}: {clients} clients against the bare loop", median["rate"] / bare, "x", *([aim] if aim else []))
        say(f"{name}: latency with {clients} clients, p50", median["p50"], "ms")
        say(f"{name}: latency with {clients} clients, p99", median["p99"], "ms")
    load(clients=8, requests=64, distinct=64, seed=7)
    hits = float(np.median([load(clients=32, requests=1024, distinct=64, seed=7)["rate"] for _ in range(ROUNDS)]))
    misses = float(np.median([run["rate"] for run in rates[32]]))
    aim = [">= 5x"] if name == "ViT-B/32" else []
    say(f"{name}: cached pictures, 32 clients", hits, "pictures/s")
    say(f"{name}: cached against encoded, 32 clients", hits / misses, "x", *aim)


def _beside_a_busy_thread(folder: Path) -> None:
    """A batch of 16 while another thread computes in Python: eager against the trace that the service uses."""
    import torch

    from bindscope.encoders.registry import EncoderSettings, load_encoder

    batch = pictures(1, 16, SIDE)
    loop, encoder = _loop(folder), load_encoder("bundled:tiny-bind", settings=EncoderSettings(threads=1))
    stop = threading.Event()

    def spin() -> None:
        while not stop.is_set():
            sum(range(1000))

    thread = threading.Thread(target=spin)
    thread.start()
    try:
        torch.set_num_threads(1)
        took = {}
        for name, call in (("eager", lambda: loop(batch)), ("traced", lambda: encoder.encode_images(list(batch)))):
            call()
            began = time.perf_counter()
            for _ in range(5):
                call()
            took[name] = 1000 * (time.perf_counter() - began) / 5
    finally:
        stop.set()
        thread.join()
    say("tiny-bind: 16 pictures beside a busy thread, eager", took["eager"], "ms")
    say("tiny-bind: 16 pictures beside a busy thread, traced", took["traced"], "ms")


class _Load:
    """Sends requests; every call has pictures of its own unless a seed is given."""

    def __init__(self, port: int, model: str, side: int) -> None:
        self._fixed = [str(port), model, str(side)]
        self._seed = 100

    def __call__(self, *, clients: int, requests: int, distinct: int = 0, seed: int | None = None) -> dict[str, float]:
        self._seed += 1
        options = {"clients": clients, "requests": requests, "distinct": distinct, "seed": seed or self._seed}
        flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.clients", *self._fixed, *flags],
            stdout=subprocess.PIPE,
            check=True,
            env=dict(os.environ),
        )
        found: dict[str, float] = json.loads(done.stdout)
        return found


def _random_vit(folder: Path) -> Path:
    """ViT-B/32 with random weights as a folder that the service can load."""
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    torch.manual_seed(0)
    with contextlib.redirect_stderr(None):
        net = open_clip.create_model("ViT-B-32", load_weights=False)
    config = open_clip.get_model_config("ViT-B-32")
    facts = {"model_cfg": config, "preprocess_cfg": open_clip.get_model_preprocess_cfg(net)}
    (folder / "open_clip_config.json").write_text(json.dumps(facts), encoding="utf-8")
    save_file(
        {name: value.contiguous() for name, value in net.state_dict().items()}, folder / "open_clip_model.safetensors"
    )
    return folder


def _loop(folder: Path) -> Callable[[np.ndarray], np.ndarray]:
    """What a user would write: upstream's preprocessing of each picture, then one forward pass a batch."""
    import open_clip
    import torch
    from PIL import Image

    torch.set_num_threads(1)
    net, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    net.eval()

    def encode(batch: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            pixels = torch.stack([preprocess(Image.fromarray(picture)) for picture in batch])
            vectors: np.ndarray = net.encode_image(pixels).numpy()
            return vectors

    return encode


if __name__ == "__main__":
    main()
