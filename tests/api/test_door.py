import asyncio
import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager

import httpx2
import numpy as np
import pytest
from pydantic import ValidationError
from starlette.testclient import TestClient

from bindscope.api.app import create_app
from bindscope.api.middleware.admission import Admission
from bindscope.api.middleware.keys import Buckets
from bindscope.api.middleware.patience import Patience
from bindscope.client import BindscopeClient
from bindscope.core.cancellation import current
from bindscope.core.config import Settings
from bindscope.services.container import assembled
from real_service import serving

KEY, OTHER = "k" * 24, "o" * 24
TEXTS = {"model": "synthetic:bag", "texts": ["a red square"]}


def made(tmp_path, **options) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path, store="off", preload=(), **options)


def asking(settings, **options) -> TestClient:
    return TestClient(create_app(settings), base_url="http://127.0.0.1", **options)


def bearer(key) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    settings = made(tmp_path_factory.mktemp("data"), api_keys=f"anna:{KEY},{OTHER}")
    with asking(settings) as client:
        yield client


@pytest.mark.parametrize("key", [KEY, OTHER])
def test_each_key_opens_the_service(guarded, key) -> None:
    assert guarded.post("/v1/embeddings", json=TEXTS, headers=bearer(key)).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{}, bearer("wrong"), bearer(KEY[:-1]), bearer(""), {"Authorization": f"Basic {KEY}"}, {"Authorization": KEY}],
)
def test_nothing_is_answered_without_a_key(guarded, headers) -> None:
    paths = set(guarded.app.openapi()["paths"]) - {"/livez"}
    assert len(paths) > 30
    for path in paths:
        answer = guarded.get(path, headers=headers)
        assert answer.status_code == 401, path
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"
    assert guarded.post("/v1/embeddings", json=TEXTS, headers=headers).status_code == 401


def test_what_holds_no_secret_is_open(guarded) -> None:
    for path in ("/livez", "/docs", "/openapi.json", "/static-offline-docs/swagger-ui.css"):
        assert guarded.get(path).status_code == 200, path


def test_the_client_sends_its_key(tmp_path) -> None:
    with serving(made(tmp_path, api_keys=KEY)) as url, BindscopeClient(url, KEY) as client:
        assert client.embed("synthetic:bag", texts=["a red square"]).shape[0] == 1


@pytest.mark.parametrize(
    ("keys", "words"), [("short", "shorter"), (f"a:{KEY},a:{OTHER}", "two keys"), (",", "shorter")]
)
def test_weak_keys_are_refused_and_never_quoted(tmp_path, keys, words) -> None:
    with pytest.raises(ValidationError, match=words) as refused:
        made(tmp_path, api_keys=keys)
    assert KEY not in str(refused.value)


def test_a_key_has_so_many_requests_a_minute_and_others_are_not_touched(tmp_path) -> None:
    with asking(made(tmp_path, api_keys=f"a:{KEY},b:{OTHER}", rate_limit=50)) as client:
        codes = [client.get("/v1/spaces", headers=bearer(KEY)).status_code for _ in range(8)]
        assert codes[:5] == [200] * 5
        assert 429 in codes
        refused = client.get("/v1/spaces", headers=bearer(KEY))
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 2
        assert client.get("/v1/spaces", headers=bearer(OTHER)).status_code == 200


def test_a_bucket_refills_evenly(monkeypatch) -> None:
    now = [100.0]
    monkeypatch.setattr("bindscope.api.middleware.keys.time.monotonic", lambda: now[0])
    bucket = Buckets(60)
    assert [bucket.take("a") for _ in range(7)] == [0] * 6 + [1]
    now[0] += 3
    assert [bucket.take("a") for _ in range(4)] == [0, 0, 0, 1]
    now[0] += 3600
    assert [bucket.take("a") for _ in range(7)] == [0] * 6 + [1]


@pytest.mark.parametrize(
    ("host", "status"),
    [("127.0.0.1", 200), ("localhost:8000", 200), ("[::1]:8000", 200), ("evil.example", 421), ("", 421)],
)
def test_a_page_elsewhere_that_points_its_name_here_gets_nothing(tmp_path, host, status) -> None:
    with asking(made(tmp_path)) as client:
        assert client.get("/v1/spaces", headers={"Host": host}).status_code == status


def test_names_can_be_allowed(tmp_path) -> None:
    settings = made(tmp_path, allowed_hosts="bind.example.org,*.lab")
    assert settings.hosts == ("bind.example.org", "*.lab")
    with asking(settings) as client:
        codes = [client.get("/livez", headers={"Host": h}).status_code for h in ("bind.example.org", "a.lab", "lab")]
        assert codes == [200, 200, 421]


def test_every_answer_carries_its_id_and_the_security_headers(tmp_path) -> None:
    with asking(made(tmp_path)) as client:
        for path in ("/livez", "/v1/spaces", "/nowhere", "/docs"):
            answer = client.get(path, headers={"X-Request-Id": "abc-1"})
            assert answer.headers["x-request-id"] == "abc-1"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["x-frame-options"] == "DENY"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
        odd = client.get("/livez", headers={"X-Request-Id": 'a"} {"level": "x'})
        assert len(odd.headers["x-request-id"]) == 32
        assert "server" not in odd.headers


def test_the_documentation_asks_no_other_machine(tmp_path) -> None:
    with asking(made(tmp_path)) as client:
        page = client.get("/docs").text
        assert "https://" not in page
        for part in page.split('"'):
            if part.startswith("/static-offline-docs/"):
                assert client.get(part).status_code == 200


def test_other_pages_may_not_ask_unless_they_are_named(tmp_path) -> None:
    first = {"Origin": "https://lab.example", "Access-Control-Request-Method": "POST"}
    with asking(made(tmp_path)) as client:
        assert "access-control-allow-origin" not in client.options("/v1/spaces", headers=first).headers
    with asking(made(tmp_path, cors_origins="https://lab.example", api_keys=KEY)) as client:
        answer = client.options("/v1/spaces", headers=first)
        assert answer.headers["access-control-allow-origin"] == "https://lab.example"
        other = client.options("/v1/spaces", headers={**first, "Origin": "https://evil.example"})
        assert other.status_code == 401


def test_a_request_is_counted_by_its_route_and_never_by_its_address(tmp_path) -> None:
    with asking(made(tmp_path)) as client:
        client.get("/v1/jobs/secret-name")
        client.get("/secret-path?token=secret-token")
        client.request("SECRET", "/v1/spaces")
        text = client.get("/metrics").text
    assert 'bindscope_requests_total{method="GET",route="/v1/jobs/{job_id}",status="' in text
    assert 'route="unknown",status="404"' in text
    assert 'method="other"' in text
    assert "secret" not in text.lower()


def test_a_service_whose_encoder_thread_has_ended_is_not_ready(tmp_path) -> None:
    kept = []

    @contextmanager
    def assemble(settings, telemetry):
        with assembled(settings, telemetry) as services:
            kept.append(services)
            yield services

    with TestClient(create_app(made(tmp_path), assemble), base_url="http://127.0.0.1") as client:
        assert client.post("/v1/embeddings", json=TEXTS).status_code == 200
        assert client.get("/readyz").status_code == 200
        (queue,) = kept[0].models.loaded()
        queue.close()
        answer = client.get("/readyz")
        assert answer.status_code == 503
        assert "inference thread of synthetic:bag has ended" in answer.json()["message"]
        assert client.get("/livez").status_code == 200


# The layers themselves, around small apps: what they do must not depend on how fast a model is.


async def _called(app, path="/", more=()) -> list[dict]:
    sent: list[dict] = []
    messages = iter([{"type": "http.request", "body": b"", "more_body": False}, *more])
    never = asyncio.Event()

    async def receive():
        message = next(messages, None)
        if message is None:
            await never.wait()
        if callable(message):
            return await message()
        return message

    async def send(message):
        sent.append(message)

    await app({"type": "http", "path": path, "method": "GET", "headers": []}, receive, send)
    return sent


async def _ok(send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"ok"})


def test_a_request_that_takes_too_long_is_answered_at_once_and_its_work_is_told() -> None:
    reasons = []

    async def slow(scope, receive, send):
        await receive()
        token = current()
        while token.reason is None:
            await asyncio.sleep(0.01)
        reasons.append(token.reason)
        await _ok(send)  # too late: nobody hears it

    sent = asyncio.run(_called(Patience(slow, limit_s=0.05)))
    assert [m["status"] for m in sent if m["type"] == "http.response.start"] == [504]
    assert json.loads(sent[1]["body"])["type"] == "urn:bindscope:problem:timeout"
    assert reasons == ["late"]


def test_an_answer_that_has_begun_has_no_limit() -> None:
    async def streaming(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.15)
        assert current().reason is None
        await send({"type": "http.response.body", "body": b"end"})

    sent = asyncio.run(_called(Patience(streaming, limit_s=0.05)))
    assert [m.get("status", m.get("body")) for m in sent] == [200, b"end"]


def test_work_is_told_when_its_caller_hangs_up() -> None:
    reasons = []

    async def app(scope, receive, send):
        await receive()
        token = current()
        for _ in range(200):
            await asyncio.sleep(0.01)
            if token.reason:
                reasons.append(token.reason)
                return

    async def gone():
        await asyncio.sleep(0.03)
        return {"type": "http.disconnect"}

    asyncio.run(_called(Patience(app, limit_s=60), more=[gone]))
    assert reasons == ["left"]


def test_what_goes_wrong_inside_is_not_swallowed() -> None:
    async def broken(scope, receive, send):
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        asyncio.run(_called(Patience(broken, limit_s=60)))


def test_more_requests_than_are_allowed_are_told_to_come_again_and_watchers_are_not() -> None:
    async def scenario() -> tuple[list[int], int]:
        release = asyncio.Event()

        async def app(scope, receive, send):
            if scope["path"] == "/":
                await release.wait()
            await _ok(send)

        door = Admission(app, most=2)
        waiting = [asyncio.ensure_future(_called(door)) for _ in range(2)]
        await asyncio.sleep(0)
        codes = [(await _called(door, path))[0]["status"] for path in ("/", "/readyz", "/metrics", "/livez")]
        release.set()
        for task in waiting:
            await task
        return codes, (await _called(door))[0]["status"]

    assert asyncio.run(scenario()) == ([429, 200, 200, 200], 200)


def test_a_caller_that_hangs_up_over_a_real_socket_stops_costing(tmp_path) -> None:
    settings = made(tmp_path)
    app = create_app(settings)
    asked = threading.Event()
    tokens = []

    @app.get("/wait")
    def wait() -> None:
        tokens.append(current())
        asked.set()
        while tokens[0].reason is None:
            time.sleep(0.01)

    with serving(settings, app) as url:
        host, port = url.removeprefix("http://").split(":")
        line = socket.create_connection((host, int(port)))
        line.sendall(b"GET /wait HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert asked.wait(10)
        line.close()
        deadline = time.monotonic() + 10
        while tokens[0].reason is None and time.monotonic() < deadline:
            time.sleep(0.01)
        assert tokens[0].reason == "left"
        assert httpx2.get(f"{url}/livez").status_code == 200


def test_pictures_can_be_sent_as_one_array(tmp_path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    with serving(made(tmp_path)) as url, BindscopeClient(url) as client:
        vectors = client.embed("bundled:tiny-bind", images=pictures)
        again = client.embed("bundled:tiny-bind", images=pictures[:1])
        other = client.embed("bundled:tiny-bind", images=np.kron(pictures, np.ones((1, 2, 1, 1), np.uint8)))
    assert vectors.shape == (3, 128)
    assert np.array_equal(vectors[:1], again)
    assert other.shape == (3, 128)


def test_an_array_that_cannot_be_is_refused_with_a_sentence(tmp_path) -> None:
    with asking(made(tmp_path)) as client:
        path = "/v1/embeddings/pictures?model=bundled:tiny-bind"
        assert "numpy.save" in client.post(path, content=b"x" * 50).json()["detail"]
        assert client.post("/v1/embeddings/pictures", content=b"").status_code == 422


def test_a_half_sent_request_does_not_hold_the_service(tmp_path) -> None:
    with serving(made(tmp_path)) as url:
        port = int(url.rpartition(":")[2])
        line = socket.create_connection(("127.0.0.1", port))
        line.sendall(b"POST /v1/embeddings HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\n{")
        line.close()
        line = socket.create_connection(("127.0.0.1", port))
        head = b"POST /v1/embeddings/pictures?model=synthetic:bag HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        line.sendall(head + b"Content-Length: 1000\r\n\r\nxx")
        line.close()
        answer = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        answer.request("GET", "/livez")
        assert answer.getresponse().status == 200
        answer.close()
        deadline = time.monotonic() + 10
        while 'status="499"' not in (text := httpx2.get(f"{url}/metrics").text):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert 'status="500"' not in text
