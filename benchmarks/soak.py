"""Twice the requests that the service can answer, for minutes: memory, stuck requests, wrong vectors.

    python -m benchmarks.soak --minutes 10

Measures what the service answers at its best, then offers twice that on a clock, whatever comes back: single texts and
pictures, a share of them asked before, a share of callers that hang up. Each vector that comes is held against the one
that the same model gives for that input alone in this process. Prints JSON lines, the last one the summary.
"""

import argparse
import asyncio
import io
import json
import random
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

import numpy as np
import psutil

from benchmarks.serving import serving

MODEL, SIDE = "bundled:tiny-bind", 64
ITEMS = 4000
#: Share of callers that hang up, and how far a vector may be from the one computed alone (batches round differently).
LEAVING, TOLERANCE = 0.03, 1e-4
STUCK_S = 60.0


@dataclass
class Tally:
    """What came back."""

    codes: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    stuck: int = 0
    latencies: list[float] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)


def main() -> None:
    """Runs and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    requests, right = _items(asked.seed)
    with (
        tempfile.TemporaryDirectory() as folder,
        # Little room, so that the limits are reached: a short queue, few requests at once, a small cache.
        serving(
            Path(folder),
            preload=MODEL,
            threads="1",
            queue_capacity="64",
            max_requests="48",
            cache_memory_mb="1",
            store="off",
        ) as port,
    ):
        process = next(p for p in psutil.process_iter() if f"serve --port {port}" in " ".join(p.cmdline()))
        capacity = asyncio.run(_capacity(port, requests))
        print(json.dumps({"capacity": round(capacity, 1)}), flush=True)
        tally = asyncio.run(_soak(port, requests, right, rate=2 * capacity, seconds=60 * asked.minutes, of=process))
        print(json.dumps(_summary(tally, 2 * capacity)))


def _items(seed: int) -> tuple[list[bytes], np.ndarray]:
    """Requests, and the vector that each must bring."""
    from bindscope.encoders.registry import EncoderSettings, load_encoder

    encoder = load_encoder(MODEL, settings=EncoderSettings(threads=1))
    random_ = random.Random(seed)
    colors, shapes = ("red", "blue", "green", "yellow"), ("square", "circle", "star", "triangle")
    requests, vectors = [], []
    for number in range(ITEMS):
        if number % 2:
            words = [f"a {random_.choice(colors)} {random_.choice(shapes)}" for _ in range(2)]
            text = f"{words[0]} and {words[1]}"
            body, kind = json.dumps({"model": MODEL, "texts": [text]}).encode(), "application/json"
            path = "/v1/embeddings"
            vectors.append(encoder.encode_texts([text])[0])
        else:
            picture = np.random.default_rng([seed, number]).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
            file = io.BytesIO()
            np.save(file, picture[None])
            body, kind = file.getvalue(), "application/x-npy"
            path = f"/v1/embeddings/pictures?model={quote(MODEL, safe='')}"
            vectors.append(encoder.encode_images([picture])[0])
        head = (
            f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/x-npy\r\nConnection: close\r\n"
            f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        requests.append(head.encode() + body)
    return requests, np.stack(vectors)


async def _capacity(port: int, requests: list[bytes]) -> float:
    """Requests a second that 32 clients get answered."""
    turns, good = iter(range(10**9)), 0
    until = time.monotonic() + 10

    async def client() -> None:
        nonlocal good
        while time.monotonic() < until:
            status, _ = await _ask(port, requests[next(turns) % len(requests)])
            good += status == "200"

    await asyncio.gather(*(client() for _ in range(32)))
    return good / 10


async def _ask(port: int, request: bytes, *, leave_after: float | None = None) -> tuple[str, bytes]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        await writer.drain()
        if leave_after is not None:
            await asyncio.sleep(leave_after)
            return "left", b""
        answer = await reader.read()
        head, _, body = answer.partition(b"\r\n\r\n")
        return head.split(b" ", 2)[1].decode(), body
    finally:
        writer.close()


async def _soak(
    port: int, requests: list[bytes], right: np.ndarray, *, rate: float, seconds: float, of: psutil.Process
) -> Tally:
    tally, random_, running = Tally(), random.Random(1), set()

    async def one(number: int, leave_after: float | None) -> None:
        began = time.monotonic()
        try:
            status, body = await asyncio.wait_for(_ask(port, requests[number], leave_after=leave_after), STUCK_S)
        except TimeoutError:
            tally.stuck += 1
            return
        except (OSError, IndexError) as error:
            tally.codes[type(error).__name__] += 1
            return
        tally.codes[status] += 1
        if status == "200":
            tally.latencies.append(time.monotonic() - began)
            vector = np.load(io.BytesIO(body), allow_pickle=False)[0]
            tally.wrong += bool(np.abs(vector - right[number]).max() > TOLERANCE)

    began = time.monotonic()
    sent, looked = 0, 0.0
    while (now := time.monotonic() - began) < seconds:
        while sent < now * rate:
            sent += 1
            leave = random_.uniform(0, 0.05) if random_.random() < LEAVING else None
            task = asyncio.create_task(one(random_.randrange(len(requests)), leave))
            running.add(task)
            task.add_done_callback(running.discard)
        if now >= looked:
            tally.memory.append((now, of.memory_info().rss / 2**20))
            looked += 5
        await asyncio.sleep(0.005)
    if running:
        await asyncio.wait(running, timeout=2 * STUCK_S)
    tally.stuck += len(running)
    return tally


def _summary(tally: Tally, rate: float) -> dict[str, object]:
    # The first fifth fills caches and pools.
    late = np.array(tally.memory[len(tally.memory) // 5 :])
    slope = float(np.polyfit(late[:, 0], late[:, 1], 1)[0] * 60) if len(late) > 2 else None
    return {
        "offered": round(rate, 1),
        "answers": dict(tally.codes),
        "wrong": tally.wrong,
        "stuck": tally.stuck,
        "p50_ms": round(1000 * float(np.quantile(tally.latencies, 0.5)), 1),
        "p99_ms": round(1000 * float(np.quantile(tally.latencies, 0.99)), 1),
        "memory_mib": [round(value) for _, value in tally.memory[:: max(1, len(tally.memory) // 12)]],
        "slope_mib_a_minute": None if slope is None else round(slope, 2),
    }


if __name__ == "__main__":
    main()
