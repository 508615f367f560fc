import io
import time

import numpy as np
import pytest
from starlette.testclient import TestClient

from bindscope.api.app import create_app
from bindscope.client import ApiError, BindscopeClient
from bindscope.core.config import Settings
from oracles import make_world
from small_runs import SMALL

SOURCE = {"model": "synthetic:additive", "space": "clevr2d", "modality": "image", "limit": 150}
SWEEP = {"source": SOURCE, "kinds": ["additive"], "coverages": [0.5, 0.7], "seeds": [0]}
TINY = {**SMALL, "steps": 20, "evaluate_every": 10}


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def api(data_dir):
    settings = Settings(_env_file=None, data_dir=data_dir, preload=(), workers=1)
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        yield client


def ended(api, job_id):
    until = time.monotonic() + 90
    while time.monotonic() < until:
        job = api.get(f"/v1/jobs/{job_id}").json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.05)
    raise AssertionError(job)


@pytest.fixture(scope="module")
def sweep(api):
    answer = api.post("/v1/complexity", json=SWEEP)
    assert answer.status_code == 202, answer.text
    assert answer.headers["Location"] == f"/v1/jobs/{answer.json()['id']}"
    return ended(api, answer.json()["id"])


@pytest.fixture(scope="module")
def training(api):
    answer = api.post("/v1/trainings", json={"config": TINY})
    assert answer.status_code == 202, answer.text
    return ended(api, answer.json()["id"])


def stream(api, job_id, **headers):
    text = api.get(f"/v1/jobs/{job_id}/events", headers=headers).text
    blocks = [block for block in text.split("\n\n") if "id: " in block]
    return [dict(line.split(": ", 1) for line in block.splitlines()) for block in blocks]


def test_the_cells_of_a_sweep_have_every_field_of_the_contract(sweep):
    assert sweep["state"] == "done", sweep
    assert len(sweep["result"]["cells"]) == 2
    for cell in sweep["result"]["cells"]:
        assert {"kind", "coverage", "seed", "train_scenes", "test_scenes", "test_r2", "test"} <= set(cell)
        assert {"value", "low", "high", "n"} == set(cell["test"]["object"])
        assert cell["binding"]["says"]
        assert cell["ceiling_binding"]["forced_choice"]["n"] >= 10
        assert {"given_bag", "ceiling_bag"} <= set(cell["object_chance"])
        assert "bags" not in cell
    points = sweep["result"]["points"]
    assert [(point["kind"], point["coverage"]) for point in points] == [("additive", 0.5), ("additive", 0.7)]
    assert sweep["result"]["provenance"]["space"] == "clevr2d"


def test_jobs_are_listed_newest_first(api, sweep, training):
    ids = [job["id"] for job in api.get("/v1/jobs").json()["jobs"]]
    assert ids.index(training["id"]) < ids.index(sweep["id"])


def test_the_event_stream_ends_with_the_job_and_goes_on_after_the_last_event_id(api, sweep):
    whole = stream(api, sweep["id"])
    assert [event["event"] for event in whole].count("cell") == 2
    rest = stream(api, sweep["id"], **{"Last-Event-ID": whole[1]["id"]})
    assert [event["id"] for event in rest] == [event["id"] for event in whole[2:]]
    assert stream(api, sweep["id"], **{"Last-Event-ID": whole[-1]["id"]}) == []


def test_a_trained_run_is_a_model_for_the_other_questions(api, training):
    assert training["state"] == "done", training
    model = training["result"]["model"]
    assert model in [found["id"] for found in api.get("/v1/models").json()["models"]]
    assert "grid-2x4" in [found["name"] for found in api.get("/v1/spaces").json()["spaces"]]
    source = {"model": model, "space": "grid-2x4", "modality": "image"}
    probes = api.post("/v1/probes", json={"source": source})
    assert probes.status_code == 200, probes.text
    scene = {
        "space": "grid-2x4",
        "objects": [{"values": {"c1": "a0", "c2": "b1"}}, {"values": {"c1": "a2", "c2": "b3"}}],
    }
    verdict = api.post("/v1/verdicts", json={"model": model, "scene": scene})
    assert verdict.status_code == 200, verdict.text
    job = api.post("/v1/complexity", json={**SWEEP, "source": source})
    assert ended(api, job.json()["id"])["state"] == "done"


def test_presets_and_runs_are_listed(api, training):
    found = api.get("/v1/trainings").json()
    assert {"published", "laptop", "laptop-sparse", "images"} <= {preset["name"] for preset in found["presets"]}
    assert training["result"]["run"] in [run["run"] for run in found["runs"]]
    presets = api.get("/v1/phase-diagrams").json()["presets"]
    assert [preset["measured"] for preset in presets if preset["name"] == "published"] == [False]


def test_a_phase_diagram_has_a_cell_for_every_training(api):
    body = {"spaces": ["grid-2x3", "grid-2x4"], "coverages": [0.6, 0.8], "config": TINY}
    job = ended(api, api.post("/v1/phase-diagrams", json=body).json()["id"])
    assert job["state"] == "done", job
    cells = job["result"]["cells"]
    assert [(cell["space"], cell["coverage"]) for cell in cells] == [
        (space, coverage) for space in body["spaces"] for coverage in body["coverages"]
    ]
    assert all(cell["unseen"]["object"]["n"] and cell["binding"]["says"] for cell in cells)
    assert [cell["objects"] for cell in cells] == [9, 9, 16, 16]
    assert [cell["product"]["seen"] is not None for cell in cells] == [False, False, True, True]
    assert cells[-1]["product"]["seen"]["held_out"] == 3
    assert cells[-1]["product"]["unseen"] is None
    points = job["result"]["points"]
    assert [(point["space"], point["coverage"], point["seeds"]) for point in points] == [
        (space, coverage, 1) for space in body["spaces"] for coverage in body["coverages"]
    ]
    assert [found["part"] for found in job["result"]["relations"]] == ["seen", "unseen"]
    assert [found["space"] for found in job["result"]["courses"]] == body["spaces"]


def test_the_complexity_of_uploaded_vectors_alone_is_a_job_with_a_title(api):
    made = make_world("product", (4, 3))
    archive = io.BytesIO()
    values = np.array(made.labels.values)
    np.savez(archive, embeddings=made.embeddings, scenes=made.labels.scenes, values=values)
    upload = api.post("/v1/datasets", files={"file": ("world.npz", archive.getvalue())})
    assert upload.status_code == 201, upload.text
    dataset = upload.json()["id"]
    answer = api.post("/v1/complexity", json={**SWEEP, "source": {"dataset": dataset}})
    assert answer.status_code == 202, answer.text
    job = ended(api, answer.json()["id"])
    assert job["state"] == "done", job
    assert job["title"] == f"Complexity of dataset {dataset}: 1 family, 2 coverages, 1 seed"


def test_a_deleted_run_is_gone_and_can_be_trained_again(api):
    config = {**TINY, "seed": 5}
    first = ended(api, api.post("/v1/trainings", json={"config": config}).json()["id"])
    assert api.delete(f"/v1/trainings/{first['result']['run']}").status_code == 204
    assert api.delete(f"/v1/trainings/{first['result']['run']}").status_code == 404
    answer = api.post("/v1/embeddings", json={"model": first["result"]["model"], "texts": ["a0"]})
    assert answer.status_code in (404, 422)
    again = api.post("/v1/trainings", json={"config": config}).json()
    assert again["state"] != "done"
    same = ended(api, again["id"])
    assert same["result"]["history"] == first["result"]["history"]


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("/v1/complexity", {**SWEEP, "coverages": [1.5]}, "coverage"),
        ("/v1/complexity", {**SWEEP, "coverages": [0]}, "coverage"),
        ("/v1/complexity", {**SWEEP, "kinds": ["quantum"]}, "global_product"),
        ("/v1/complexity", {**SWEEP, "kinds": ["mlp:0"]}, "mlp"),
        ("/v1/complexity", {**SWEEP, "kinds": []}, "kinds"),
        ("/v1/complexity", {**SWEEP, "seeds": [-1]}, "seed"),
        ("/v1/complexity", {**SWEEP, "seeds": list(range(64)), "coverages": [0.01 * i for i in range(1, 33)]}, "2,000"),
        ("/v1/complexity", {**SWEEP, "source": {**SOURCE, "space": "nowhere"}}, "space"),
        ("/v1/complexity", {**SWEEP, "source": {"dataset": "0" * 16}}, "dataset"),
        ("/v1/trainings", {"config": {**TINY, "coverage": 1.0}}, "coverage"),
        ("/v1/trainings", {"config": {**TINY, "coverage": 0.01}}, ""),
        ("/v1/trainings", {"config": {**TINY, "objects": 9}}, "objects"),
        ("/v1/trainings", {"config": {**TINY, "space": "grid-9x9"}}, "grid"),
        ("/v1/trainings", {"config": {**TINY, "space": "nowhere"}}, "nowhere"),
        ("/v1/trainings", {"config": {**TINY, "inputs": "images"}}, ""),
        ("/v1/trainings", {"config": {**TINY, "width": 15}}, "width"),
        ("/v1/trainings", {"config": {**TINY, "unknown": 1}}, "unknown"),
        (
            "/v1/trainings",
            {"config": {**TINY, "width": 4096, "layers": 64, "batch": 65536, "feedforward": 16384}},
            "GiB",
        ),
        ("/v1/trainings", {"config": {**TINY, "space": "grid-6x64"}}, "GiB"),
        ("/v1/trainings", {"config": {**TINY, "test_scenes": 100_001}}, "test_scenes"),
        ("/v1/phase-diagrams", {"spaces": ["grid-6x64"], "coverages": [0.5]}, "GiB"),
        ("/v1/phase-diagrams", {"spaces": [], "coverages": [0.5]}, "spaces"),
        ("/v1/phase-diagrams", {"spaces": ["grid-2x4"], "coverages": [2.0]}, "coverage"),
    ],
)
def test_a_request_that_cannot_be_is_refused_with_a_sentence(api, path, body, words):
    answer = api.post(path, json=body)
    assert answer.status_code in (404, 422), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]


def test_a_split_without_test_scenes_is_a_failed_cell_with_the_reason(api):
    job = ended(api, api.post("/v1/complexity", json={**SWEEP, "coverages": [1.0]}).json()["id"])
    assert job["state"] == "failed"
    assert job["failures"][0]["error"]
    assert job["resumable"]


def test_a_client_follows_the_events_of_a_job_from_any_of_them_on(api, sweep):
    with BindscopeClient("http://127.0.0.1", transport=api._transport) as client:
        events = list(client.job_events(sweep["id"]))
        assert [event.id for event in events] == [own["id"] for own in stream(api, sweep["id"])]
        assert {"state", "cell"} <= {event.event for event in events}
        assert events[-1].data["state"] == "done"
        assert list(client.job_events(sweep["id"], last=events[1].id)) == events[2:]
        with pytest.raises(ApiError, match="no-such"):
            next(client.job_events("no-such"))


@pytest.mark.parametrize("last", ["x", "-1", str(2**64), f"1-{2**64}", "1-2-3"])
def test_an_event_id_that_the_store_cannot_have_given_is_refused(api, sweep, last):
    answer = api.get(f"/v1/jobs/{sweep['id']}/events", headers={"Last-Event-ID": last})
    assert answer.status_code == 422


def test_what_else_lies_among_the_runs_does_no_harm(api, training, data_dir):
    runs = data_dir / "artifacts" / "runs"
    (runs / "lost+found").mkdir(exist_ok=True)
    (runs / ".DS_Store").write_bytes(b"")
    listed = api.get("/v1/trainings")
    assert listed.status_code == 200
    assert training["result"]["run"] in [run["run"] for run in listed.json()["runs"]]


def test_an_unknown_job_is_a_404_on_every_address(api):
    for method, path in (("GET", ""), ("GET", "/events"), ("POST", "/cancel"), ("POST", "/resume"), ("DELETE", "")):
        assert api.request(method, f"/v1/jobs/training-0{path}").status_code == 404


def test_without_a_store_jobs_are_refused_and_the_rest_goes_on(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path, preload=(), store="off")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        answer = client.post("/v1/complexity", json=SWEEP)
        assert answer.status_code == 503
        assert client.get("/v1/jobs").status_code == 503
        assert client.get("/v1/models").status_code == 200


def test_a_scheduler_that_is_not_there_fails_the_job_with_the_reason(tmp_path):
    settings = Settings(_env_file=None, data_dir=tmp_path, preload=(), scheduler="tcp://127.0.0.1:9")
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        job = ended(client, client.post("/v1/trainings", json={"config": TINY}).json()["id"])
    assert job["state"] == "failed"
    assert "tcp://127.0.0.1:9" in job["error"]
