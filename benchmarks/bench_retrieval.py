"""Exact retrieval with strict ranks against the bare matrix product and top-k, 100 queries in a gallery as large as the
``words`` space (160,400 captions x 512). Prints JSON lines. One thread, best of the rounds, memory of a process of its
own."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks.published import say
from bindscope.analysis.retrieval import Answers, retrieve

ITEMS, DIM, QUERIES, K, ROUNDS = 160_400, 512, 100, 10, 5


def main() -> None:
    """Both sides take turns, on the same unit vectors."""
    import torch

    torch.set_num_threads(1)
    gallery, queries, answers = _world()
    items, asked = torch.from_numpy(gallery), torch.from_numpy(queries)
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        with torch.inference_mode():
            (asked @ items.T).topk(K, dim=1)
        bare = time.perf_counter() - start
        start = time.perf_counter()
        retrieve(queries, gallery, answers, k=K)
        rounds.append((bare, time.perf_counter() - start))
    bare, ours = (min(column) for column in zip(*rounds, strict=True))
    name = f"retrieval, {QUERIES} queries in {ITEMS:,} x {DIM}"
    say(f"{name}, bare product and top-k", round(bare, 3), "s")
    say(f"{name}, with strict ranks and twins", round(ours, 3), "s")
    say(f"{name}, times the bare product", round(ours / bare, 2), "x", "<= 1.5x")
    grown = subprocess.run(
        [sys.executable, "-m", "benchmarks.bench_retrieval", "memory"], stdout=subprocess.PIPE, text=True, check=True
    )
    say(f"{name}, memory above the gallery", json.loads(grown.stdout)["gigabytes"], "GB", "< 1 GB")


def _world() -> tuple[np.ndarray, np.ndarray, Answers]:
    rng = np.random.default_rng(0)
    gallery = rng.standard_normal((ITEMS, DIM), dtype=np.float32)
    gallery /= np.linalg.norm(gallery, axis=1, keepdims=True)
    right = rng.permutation(ITEMS)[: 3 * QUERIES].reshape(QUERIES, 3)
    queries = gallery[right[:, 0]] + 0.05 * rng.standard_normal((QUERIES, DIM), dtype=np.float32)
    queries /= np.linalg.norm(queries, axis=1, keepdims=True)
    return gallery, queries, Answers(right[:, :2], right[:, 2:], np.full((QUERIES, 1), -1))


def _peak() -> float:
    """Gigabytes that the process held at its peak."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1e6


def _memory() -> None:
    import torch

    torch.set_num_threads(1)
    gallery, queries, answers = _world()
    retrieve(queries[:2], gallery[:1000].copy(), Answers(*(np.zeros((2, 1), dtype=np.int64),) * 3), k=1)
    before = _peak()
    retrieve(queries, gallery, answers, k=K)
    print(json.dumps({"gigabytes": round(max(0.0, _peak() - before), 2)}))


if __name__ == "__main__":
    _memory() if len(sys.argv) > 1 else main()
