"""The service over HTTP against a plain open_clip loop with the same weights, in one run.

Every scene is new (nothing is cached) unless the line says cached. One thread per forward pass on both sides.
"""

import http.client
import itertools
import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.published import say
from benchmarks.serving import serving
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.render import render
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import Scene
from bindscope.scenes.wire import from_scene

MODEL = "bundled:tiny-bind"
BATCH, BATCHES, ROUNDS = 64, 8, 3
SINGLES, CLIENTS = 192, 32
SPACE = BUILTIN_SPACES["shapes2d"]
_seeds = itertools.count(1_000)


def main() -> None:
    """Prints one JSON line per measurement."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), preload=MODEL, threads="1") as port:
        plain = _plain_loop()
        post = _poster(port)
        _embed(post, _scenes(BATCH))
        loops, over_http, over_http_4 = [], [], []
        for _ in range(ROUNDS):  # alternated, so that a busy moment hits both
            loops.append(_rate(lambda: [plain(_scenes(BATCH)) for _ in range(BATCHES)], BATCH * BATCHES))
            over_http.append(_rate(lambda: [_embed(post, _scenes(BATCH)) for _ in range(BATCHES)], BATCH * BATCHES))
            over_http_4.append(_concurrent(port, clients=4, requests=2 * BATCHES, items=BATCH))
        loop = statistics.median(loops)
        say("plain open_clip loop, batches of 64 scenes", loop, "scenes/s")
        say("HTTP embedding, batches of 64, one client", statistics.median(over_http), "scenes/s")
        say("ratio to the plain loop, one client", statistics.median(over_http) / loop, "x", ">= 0.9")
        say("ratio to the plain loop, four clients", statistics.median(over_http_4) / loop, "x")
        one, many = [], []
        for _ in range(ROUNDS):
            one.append(_concurrent(port, clients=1, requests=SINGLES // 2, items=1))
            many.append(_concurrent(port, clients=CLIENTS, requests=SINGLES * 2, items=1))
        say("single-item requests, one client", statistics.median(one), "requests/s")
        say("single-item requests, 32 clients", statistics.median(many), "requests/s")
        say("32 clients against one", statistics.median(many) / statistics.median(one), "x", ">= 2")
        _verdicts(_poster(port))


def _verdicts(post: Callable[[str, bytes], bytes]) -> None:
    """Latency of a verdict, uncached (new scenes) and cached (the same scenes again)."""
    bodies = [_verdict_body(scene) for scene in _scenes(100)]
    fresh = sorted(_seconds(lambda b=body: post("/v1/verdicts", b)) for body in bodies)
    again = sorted(_seconds(lambda b=body: post("/v1/verdicts", b)) for _ in range(3) for body in bodies)
    p50, p95 = again[len(again) // 2], again[int(0.95 * len(again))]
    say("uncached verdict p50", 1000 * fresh[len(fresh) // 2], "ms")
    say("uncached verdict p95", 1000 * fresh[int(0.95 * len(fresh))], "ms")
    say("cached verdict p50", 1000 * p50, "ms")
    say("cached verdict p95", 1000 * p95, "ms", "< 20")
    say("uncached / cached verdict, p50", fresh[len(fresh) // 2] / p50, "x")


def _plain_loop() -> Callable[[list[Scene]], np.ndarray]:
    """What a user would write without Bindscope: draw, preprocess each picture, encode the batch."""
    import open_clip
    import torch
    from PIL import Image

    from bindscope.encoders.families.bundled import bundled_folder

    torch.set_num_threads(1)
    folder = bundled_folder(MODEL.removeprefix("bundled:"))
    model, _, preprocess = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    model.eval()

    def encode(scenes: list[Scene]) -> np.ndarray:
        with torch.inference_mode():
            pixels = torch.stack([preprocess(Image.fromarray(render(scene, 64))) for scene in scenes])
            return model.encode_image(pixels).numpy()

    encode(_scenes(BATCH))
    return encode


def _scenes(count: int) -> list[Scene]:
    return sample_scenes(SPACE, count, seed=next(_seeds), only_valid_swaps=True)


def _embed_body(scenes: list[Scene]) -> bytes:
    wire = [from_scene(scene).model_dump(mode="json") for scene in scenes]
    return json.dumps({"model": MODEL, "scenes": wire}).encode()


def _verdict_body(scene: Scene) -> bytes:
    return json.dumps({"model": MODEL, "scene": from_scene(scene).model_dump(mode="json")}).encode()


def _embed(post: Callable[[str, bytes], bytes], scenes: list[Scene]) -> bytes:
    return post("/v1/embeddings", _embed_body(scenes))


def _poster(port: int) -> Callable[[str, bytes], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    headers = {"Content-Type": "application/json", "Accept": "application/x-npy, application/json"}

    def post(path: str, body: bytes) -> bytes:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise RuntimeError(data.decode())
        return data

    return post


def _concurrent(port: int, *, clients: int, requests: int, items: int) -> float:
    """Items a second when ``clients`` send ``requests`` requests together; bodies are made beforehand."""
    bodies = iter([_embed_body(_scenes(items)) for _ in range(requests)])
    lock = threading.Lock()

    def work() -> None:
        post = _poster(port)
        while True:
            with lock:
                body = next(bodies, None)
            if body is None:
                return
            post("/v1/embeddings", body)

    threads = [threading.Thread(target=work) for _ in range(clients)]

    def run() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return _rate(run, requests * items)


def _seconds(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _rate(call: Callable[[], object], items: int) -> float:
    return items / _seconds(call)


if __name__ == "__main__":
    main()
