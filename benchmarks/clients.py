"""Many clients at once, in a process of their own: each sends one picture a request and waits for its vector.

    python -m benchmarks.clients PORT MODEL SIDE --clients 32 --requests 512 --seed 0

Prints one JSON line: requests a second, and the 50th and 99th percentile of the latency in milliseconds. The bodies are
made before the clock starts. The HTTP is as small as it can be, so that the service is measured and not the client.
"""

import argparse
import asyncio
import io
import json
import time
from urllib.parse import quote

import numpy as np


def main() -> None:
    """Sends, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("model")
    parser.add_argument("side", type=int)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--requests", type=int, default=512)
    parser.add_argument("--distinct", type=int, default=0, help="pictures (default: one a request)")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    distinct = [_request(asked, i) for i in range(asked.distinct or asked.requests)]
    seconds, latencies = asyncio.run(_run(asked, distinct))
    p50, p99 = (float(1000 * np.quantile(latencies, q)) for q in (0.5, 0.99))
    print(json.dumps({"rate": asked.requests / seconds, "p50": p50, "p99": p99}))


def pictures(seed: int, count: int, side: int) -> np.ndarray:
    """Noise [picture, side, side, 3], the same for the service and for the loop that it is measured against."""
    return np.stack(
        [np.random.default_rng([seed, i]).integers(0, 256, (side, side, 3), dtype=np.uint8) for i in range(count)]
    )


def _request(asked: argparse.Namespace, number: int) -> bytes:
    file = io.BytesIO()
    picture = np.random.default_rng([asked.seed, number]).integers(0, 256, (asked.side,) * 2 + (3,), dtype=np.uint8)
    np.save(file, picture[None])
    body = file.getvalue()
    head = (
        f"POST /v1/embeddings/pictures?model={quote(asked.model, safe='')} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Accept: application/x-npy\r\nContent-Type: application/x-npy\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _run(asked: argparse.Namespace, distinct: list[bytes]) -> tuple[float, list[float]]:
    turns = iter(range(asked.requests))
    latencies: list[float] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", asked.port)
        for turn in turns:
            began = time.perf_counter()
            writer.write(distinct[turn % len(distinct)])
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            length = next(int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
            await reader.readexactly(length)
            latencies.append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(asked.clients)))
    return time.perf_counter() - began, latencies


if __name__ == "__main__":
    main()
