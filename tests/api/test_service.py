import io
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from starlette.testclient import TestClient

from bindscope.api.app import create_app
from bindscope.core.config import Settings

ROOT = Path(__file__).parent.parent.parent


def test_the_service_is_alive_and_ready(api) -> None:
    assert api.get("/livez").json() == {"alive": True}
    ready = api.get("/readyz")
    assert ready.json()["message"] is None
    assert ready.status_code == 200
    assert ready.json()["ready"]
    assert not ready.json()["degraded"]


def test_metrics_have_the_promised_names(api, scene) -> None:
    api.post("/v1/verdicts", json={"model": "synthetic:bag", "scene": scene})
    text = api.get("/metrics").text
    for name in (
        "bindscope_cache_hits_total",
        "bindscope_cache_misses_total",
        "bindscope_batch_size",
        "bindscope_queue_depth",
        "bindscope_encode_seconds",
    ):
        assert name in text


def test_models_list_the_bundled_ones_and_the_oracles(api) -> None:
    models = {m["id"]: m for m in api.get("/v1/models").json()["models"]}
    bundled = ("tiny-bag", "tiny-bind", "tiny-split", "tiny-table", "all-minilm-l6-v2")
    assert {f"bundled:{name}" for name in bundled} <= set(models)
    assert {f"synthetic:{n}" for n in ("bag", "additive", "product", "order-blind")} <= set(models)
    assert models["bundled:all-minilm-l6-v2"]["modalities"] == ["text"]
    assert {"id", "family", "modalities", "dim", "source", "loaded", "fingerprint"} <= set(models["synthetic:bag"])


def test_the_system_page_gets_its_numbers(api) -> None:
    state = api.get("/v1/system").json()
    assert state["store"]["state"] == "ok"
    assert state["device"] in ("cpu", "cuda")
    assert state["versions"]["bindscope"]


@pytest.fixture
def system_of(tmp_path):
    """The state of a service with its own settings."""

    def ask(**options):
        settings = Settings(_env_file=None, data_dir=tmp_path, store="off", preload=(), **options)
        with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
            return client.get("/v1/system")

    return ask


def test_looking_at_the_system_changes_nothing_in_torch(system_of) -> None:
    def state():
        return torch.get_num_threads(), torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32

    def seen_by_a_new_thread():
        """Threads that have computed before keep the number that they began with."""
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(state).result()

    before = seen_by_a_new_thread()
    assert system_of(threads=before[0] + 3).status_code == 200
    assert seen_by_a_new_thread() == before


@pytest.mark.parametrize(
    ("device", "dtype", "word"), [("cuda", "float32", "no CUDA device"), ("cpu", "float16", "needs a CUDA device")]
)
def test_a_device_that_is_not_there_is_told_by_the_system(system_of, device, dtype, word) -> None:
    if torch.cuda.is_available() and device == "cuda":
        pytest.skip("this machine has a graphics card")
    answer = system_of(device=device, dtype=dtype)
    assert answer.status_code == 200, answer.text
    assert answer.json()["device"] == device
    assert word in answer.json()["message"]


def test_a_rendered_scene_is_a_png_of_the_asked_size(api, scene) -> None:
    answer = api.post("/v1/scenes/render", json={"scene": scene, "pixels": 96})
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (96, 96)


def test_embeddings_come_as_json_or_as_npy_with_the_same_numbers(api, scene) -> None:
    body = {"model": "synthetic:additive", "scenes": [scene]}
    plain = api.post("/v1/embeddings", json=body).json()
    binary = api.post("/v1/embeddings", json=body, headers={"Accept": "application/x-npy"})
    vectors = np.load(io.BytesIO(binary.content), allow_pickle=False)
    assert vectors.dtype == np.float32
    assert np.array_equal(np.array(plain["embeddings"], dtype=np.float32), vectors)
    assert plain["dim"] == vectors.shape[1]


def test_embeddings_keep_the_order_and_count_what_was_cached(api) -> None:
    texts = [f"a red square {i}" for i in range(5)]
    first = api.post("/v1/embeddings", json={"model": "synthetic:bag", "texts": texts}).json()
    again = api.post("/v1/embeddings", json={"model": "synthetic:bag", "texts": texts[::-1]}).json()
    assert first["cached"] == 0
    assert again["cached"] == 5
    assert first["embeddings"] == again["embeddings"][::-1]


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_an_own_space_can_be_added_used_and_deleted(api, form) -> None:
    space = {"name": f"shop-{form}", "concepts": {"color": ["red", "blue"], "item": ["shoe", "bag"]}}
    text = (
        json.dumps(space)
        if form == "json"
        else (f"name: shop-{form}\nconcepts:\n  color: [red, blue]\n  item: [shoe, bag]\n")
    )
    added = api.post("/v1/spaces", content=text, headers={"Content-Type": f"application/{form}"})
    assert added.status_code == 201, added.text
    assert added.json()["objects"] == 4
    scene = {
        "space": space["name"],
        "objects": [{"values": {"color": c, "item": i}} for c, i in (("red", "shoe"), ("blue", "bag"))],
    }
    verdict = api.post("/v1/verdicts", json={"model": "synthetic:additive", "scene": scene})
    assert verdict.json()["diagnosis"] == "binds"
    assert api.delete(f"/v1/spaces/{space['name']}").status_code == 204
    assert api.post("/v1/verdicts", json={"model": "synthetic:additive", "scene": scene}).status_code == 404


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("name: [", 422),
        ("just text", 422),
        ("name: shapes2d\nconcepts:\n  a: [b, c]\n", 409),
        ("name: x\nconcepts: &a\n  c: [a, b]\n  d: *a\n", 422),
        ("", 422),
        ("x" * 300_000, 422),
        ("!!python/object/apply:os.system ['true']", 422),
    ],
)
def test_a_bad_space_is_refused(api, text, status) -> None:
    answer = api.post("/v1/spaces", content=text.encode(), headers={"Content-Type": "application/yaml"})
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"]


def test_every_answer_is_described(api) -> None:
    document = api.app.openapi()
    free = {"/metrics", "/v1/scenes/render", "/v1/jobs/{job_id}/events", "/v1/repairs/{repair_id}.npz"}
    free |= {"/v1/datasets/{dataset_id}/pictures/{row}"}
    assert len(document["paths"]) > 30
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            good = [answer for code, answer in operation["responses"].items() if code in ("200", "201", "202")]
            if path in free or "204" in operation["responses"]:
                continue
            assert good, f"{method} {path}"
            assert all("$ref" in a["content"]["application/json"]["schema"] for a in good), f"{method} {path}"


def test_the_committed_openapi_document_equals_the_generated_one() -> None:
    sys.path.insert(0, str(ROOT / "scripts"))
    try:
        from openapi import document
    finally:
        sys.path.pop(0)
    committed = (ROOT / "docs" / "openapi.json").read_text(encoding="utf-8")
    assert committed == document(), "run: make openapi"


def test_a_model_is_checked_when_asked_and_the_list_says_so(api) -> None:
    found = api.get("/v1/model-checks", params={"model": "synthetic:bag"})
    assert found.status_code == 200, found.text
    assert found.json()["state"] == "passed"
    listed = {m["id"]: m["checks"] for m in api.get("/v1/models").json()["models"]}
    assert listed["synthetic:bag"] == "passed"
    missing = api.get("/v1/model-checks", params={"model": "no:such"})
    assert missing.status_code == 404
    assert "synthetic:bag" in missing.json()["known"]
