"""Equal questions whose answers are streamed, asked by more callers than the service has threads."""

import json
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from bindscope.core.config import Settings
from real_service import serving

THREADS = 4


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    folder = tmp_path_factory.mktemp("streams")
    settings = Settings(_env_file=None, data_dir=folder, store="off", preload=(), request_threads=THREADS)
    with serving(settings) as address:
        yield address


def asked(url: str, seed: int, *, accept: str):
    """The open answer of a survey of many chunks."""
    body = {"source": {"model": "synthetic:product", "space": "shapes2d"}, "count": 400, "seed": seed}
    headers = {"Content-Type": "application/json", "Accept": accept}
    request = urllib.request.Request(f"{url}/v1/verdicts/batch", json.dumps(body).encode(), headers)
    return urllib.request.urlopen(request, timeout=60)


def stream(url: str, seed: int):
    return asked(url, seed, accept="application/x-ndjson")


def score(url: str, seed: int) -> float:
    with asked(url, seed, accept="application/json") as answer:
        return json.loads(answer.read())["binding"]["forced_choice"]["value"]


def test_more_callers_than_threads_who_wait_for_a_stream_get_its_answer(url) -> None:
    with stream(url, 1) as first, ThreadPoolExecutor(2 * THREADS) as pool:
        assert b"progress" in first.readline()
        others = [pool.submit(score, url, 1) for _ in range(2 * THREADS)]
        last = json.loads(first.read().splitlines()[-1])["result"]
        assert {other.result(60) for other in others} == {last["binding"]["forced_choice"]["value"]}


def test_a_reader_who_leaves_takes_the_answer_from_nobody(url) -> None:
    with ThreadPoolExecutor(2 * THREADS) as pool:
        leaving = stream(url, 2)
        assert b"progress" in leaving.readline()
        others = [pool.submit(score, url, 2) for _ in range(2 * THREADS)]
        leaving.close()
        assert len({other.result(60) for other in others}) == 1
