import base64
import copy
import io
import json

import pytest
from PIL import Image


def png(width, height) -> str:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, format="PNG")
    return base64.b64encode(file.getvalue()).decode()


def set_value(path, value):
    def change(body):
        *parents, last = path
        for key in parents:
            body = body[key]
        body[last] = value

    return change


VERDICT_CASES = {
    "unknown model": (set_value(["model"], "synthetic:none"), 404, "synthetic:none"),
    "nonsense model": (set_value(["model"], "what is this"), 404, "what is this"),
    "unknown space": (set_value(["scene", "space"], "mars"), 404, "mars"),
    "unknown color": (set_value(["scene", "objects", 0, "values", "color"], "crimson"), 422, "crimson"),
    "unknown shape": (set_value(["scene", "objects", 0, "values", "shape"], "blob"), 422, "blob"),
    "no objects": (set_value(["scene", "objects"], []), 422, "objects"),
    "seven objects": (
        set_value(["scene", "objects"], [{"values": {"color": "red", "shape": "square"}}] * 7),
        422,
        "6",
    ),
    "overlap": (set_value(["scene", "objects", 1, "x"], 0.35), 422, "overlap"),
    "off the canvas": (set_value(["scene", "objects", 1, "x"], 0.99), 422, "off the canvas"),
    "far off the canvas": (set_value(["scene", "objects", 1, "x"], 12), 422, "x"),
    "half a place": (set_value(["scene", "objects", 1, "x"], None), 422, "both or neither"),
    "missing concept": (set_value(["scene", "objects", 0, "values"], {"color": "red"}), 422, "shape"),
    "bad template": (set_value(["template"], "no place here"), 422, "{}"),
    "unknown field": (set_value(["colour"], 1), 422, "colour"),
}


@pytest.mark.parametrize("case", VERDICT_CASES)
def test_a_bad_verdict_request_is_refused_with_a_sentence_and_the_next_one_works(api, scene, case) -> None:
    change, status, part = VERDICT_CASES[case]
    good = {"model": "synthetic:bag", "scene": scene}
    bad = copy.deepcopy(good)
    change(bad)
    answer = api.post("/v1/verdicts", json=bad)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail"} <= set(problem)
    assert problem["status"] == status
    assert part in problem["detail"]
    assert api.post("/v1/verdicts", json=good).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/verdicts", {"model": "synthetic:none"}, "synthetic:bag"),
        ("/v1/embeddings", {"model": "synthetic:none", "texts": ["x"]}, "synthetic:bag"),
    ],
)
def test_unknown_model_is_a_404_that_lists_the_known_ones(api, scene, path, body, kind) -> None:
    if path.endswith("verdicts"):
        body = {**body, "scene": scene}
    answer = api.post(path, json=body)
    assert answer.status_code == 404
    assert kind in answer.json()["known"]


def test_an_unknown_color_lists_the_known_ones(api, scene) -> None:
    scene["objects"][0]["values"]["color"] = "crimson"
    answer = api.post("/v1/verdicts", json={"model": "synthetic:bag", "scene": scene})
    assert "red" in answer.json()["known"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_a_422_without_it_in_the_answer(api, number) -> None:
    place = f'"x": {number}, "y": 0.5, "size": 0.2'
    values = '"values": {"color": "red", "shape": "square"}'
    body = f'{{"model": "synthetic:bag", "scene": {{"space": "shapes2d", "objects": [{{{values}, {place}}}]}}}}'
    answer = api.post("/v1/verdicts", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert "NaN" not in answer.text
    assert "Infinity" not in answer.text


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({"texts": []}, "texts"),
        ({"texts": [""]}, "texts"),
        ({}, "exactly one"),
        ({"texts": ["a"], "images": ["a"]}, "exactly one"),
        ({"scenes": []}, "scenes"),
    ],
)
def test_an_embedding_request_without_one_kind_of_items_is_a_422(api, body, part) -> None:
    answer = api.post("/v1/embeddings", json={"model": "synthetic:bag", **body})
    assert answer.status_code == 422
    assert part in answer.json()["detail"]


@pytest.mark.parametrize(
    ("image", "status", "part"),
    [
        ("not base64!", 422, "base64"),
        ("aGVsbG8=", 422, "not a PNG"),
        (png(1, 1), 422, "at least 8"),
        (png(40, 40)[:80], 422, "damaged|not a PNG|base64"),
        (png(12_000, 12_000), 413, "at most"),
        ("https://example.org/cat.png", 422, "fetches nothing"),
        ("data:image/png,plain", 422, "base64"),
    ],
)
def test_a_bad_picture_is_refused_before_the_model_sees_it(api, image, status, part) -> None:
    answer = api.post("/v1/embeddings", json={"model": "random:bundled:tiny-bind", "images": [png(64, 64), image]})
    assert answer.status_code == status, answer.text
    assert any(p in answer.json()["detail"] for p in part.split("|"))


def test_malformed_json_is_a_422(api) -> None:
    answer = api.post("/v1/verdicts", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_missing_checkpoint_folder_is_a_4xx_that_says_where_it_looked(api, settings) -> None:
    folder = settings.data_dir / "models" / "gone"
    answer = api.post("/v1/embeddings", json={"model": f"open_clip:local-dir:{folder}", "texts": ["x"]})
    assert 400 <= answer.status_code < 500
    assert "gone" in answer.json()["detail"]


def test_a_folder_outside_the_model_roots_is_refused(api, tmp_path) -> None:
    answer = api.post("/v1/embeddings", json={"model": f"hf:local-dir:{tmp_path}", "texts": ["x"]})
    assert answer.status_code == 422
    assert "BINDSCOPE_MODEL_ROOTS" in answer.json()["detail"]


@pytest.mark.parametrize("in_pieces", [False, True])
def test_a_body_that_is_too_large_is_a_413(api, in_pieces) -> None:
    huge = b'{"model": "synthetic:bag", "texts": ["' + b"x" * (65 * 1024 * 1024) + b'"]}'
    content = iter([huge[: len(huge) // 2], huge[len(huge) // 2 :]]) if in_pieces else huge
    answer = api.post("/v1/embeddings", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413
    assert answer.headers["content-type"] == "application/problem+json"
    assert "BINDSCOPE_MAX_BODY_MB" in answer.json()["detail"]


def test_an_unknown_address_is_a_problem_too(api) -> None:
    answer = api.get("/v1/nothing")
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
def test_a_body_without_the_json_header_is_told_which_header_to_send(api, scene, kind) -> None:
    body = json.dumps({"model": "synthetic:bag", "scene": scene})
    answer = api.post("/v1/verdicts", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_broken_json_says_what_is_wrong_and_where(api) -> None:
    answer = api.post("/v1/verdicts", content=b'{"model": ', headers={"Content-Type": "application/json"})
    assert answer.json()["detail"].startswith("body: This is not JSON (Expecting value at character ")


@pytest.mark.parametrize(
    "body",
    [
        b'{"\\ud800": 1, "name": "s", "concepts": {"a": ["b", "c"]}}',
        b'{"name": "s", "concepts": {"\\ud800": ["b", "c"]}}',
        b'{"name": "s", "concepts": {"a": ["b", "c"]}, "phrase": "{a} \\ud800"}',
    ],
)
def test_half_a_surrogate_pair_is_a_422_and_the_list_of_spaces_still_answers(api, body) -> None:
    answer = api.post("/v1/spaces", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422, answer.text
    assert answer.json()["detail"]
    assert api.get("/v1/spaces").status_code == 200


def test_a_method_that_is_not_allowed_lists_every_one_that_is(api) -> None:
    answer = api.options("/v1/spaces")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, POST"
    assert "GET, POST" in answer.json()["detail"]
    assert api.post("/v1/spaces/shop", json={}).headers["allow"] == "DELETE"
