import io
import zipfile

import numpy as np
import pytest
from starlette.testclient import TestClient

from bindscope.api.app import create_app
from bindscope.core.config import Settings


def arrays(**changes):
    rng = np.random.default_rng(0)
    base = {
        "embeddings": rng.standard_normal((12, 5)).astype(np.float32),
        "scenes": rng.integers(0, (3, 2), (12, 2, 2)),
        "values": np.array([3, 2]),
    }
    return {k: v for k, v in {**base, **changes}.items() if v is not None}


def npz(**changes) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays(**changes))
    return file.getvalue()


def upload(api, body):
    return api.post("/v1/datasets", files={"file": ("world.npz", body, "application/octet-stream")})


def test_an_upload_can_be_read_listed_and_deleted(api) -> None:
    made = upload(api, npz(names=np.array(["color", "shape"])))
    assert made.status_code == 201, made.text
    facts = made.json()
    assert (facts["scenes"], facts["dim"], facts["concepts"], facts["objects_per_scene"]) == (12, 5, 2, 2)
    assert facts["names"] == ["color", "shape"]
    assert api.get(f"/v1/datasets/{facts['id']}").json() == facts
    assert facts in api.get("/v1/datasets").json()["datasets"]
    assert api.delete(f"/v1/datasets/{facts['id']}").status_code == 204
    assert api.get(f"/v1/datasets/{facts['id']}").status_code == 404


def test_the_same_content_has_the_same_id_and_other_content_another(api) -> None:
    one, again = (upload(api, npz()).json()["id"] for _ in range(2))
    other = upload(api, npz(embeddings=np.ones((12, 5)))).json()["id"]
    assert one == again != other


BAD = {
    "not finite": ({"embeddings": np.full((12, 5), np.nan, np.float32)}, "not finite"),
    "mismatched rows": ({"embeddings": np.zeros((11, 5), np.float32)}, "11 embeddings but 12 scenes"),
    "value out of range": ({"values": np.array([2, 2])}, "out of range"),
    "one scene": ({"embeddings": np.zeros((1, 5)), "scenes": np.zeros((1, 2, 2), int)}, "two scenes"),
    "missing array": ({"scenes": None}, "lacks scenes"),
    "pickled objects": ({"embeddings": np.array([{}] * 12, dtype=object)}, "plain arrays"),
    "wrong shape": ({"scenes": np.zeros((12, 2), int)}, "scene, object, concept"),
    "float labels": ({"scenes": np.zeros((12, 2, 2))}, "integers"),
    "no dimension": ({"embeddings": np.zeros((12, 0))}, "scene, dim"),
    "zero values": ({"values": np.array([0, 2])}, "number of values"),
    "crowded scenes": ({"scenes": np.zeros((12, 9, 2), int)}, "at most 8 objects"),
    "too many objects": ({"values": np.array([3000, 3000])}, "objects"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_upload_is_refused_and_nothing_is_stored(api, case) -> None:
    changes, part = BAD[case]
    before = api.get("/v1/datasets").json()
    answer = upload(api, npz(**changes))
    assert answer.status_code == 422, answer.text
    assert part in answer.json()["detail"]
    assert api.get("/v1/datasets").json() == before


@pytest.mark.parametrize("body", [b"", b"hello", b"PK\x03\x04 broken", npz()[:300]])
def test_bytes_that_are_no_npz_are_refused(api, body) -> None:
    assert upload(api, body).status_code == 422


def test_an_upload_may_be_larger_than_other_requests_but_not_than_its_own_limit(tmp_path) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, store="off", preload=(), max_body_mb=1, max_upload_mb=4)
    rng = np.random.default_rng(0)
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as small:
        fits = npz(embeddings=rng.standard_normal((12, 40_000)).astype(np.float32))
        assert upload(small, fits).status_code == 201
        beyond = npz(embeddings=rng.standard_normal((12, 100_000)).astype(np.float32))
        assert upload(small, beyond).status_code == 413
        assert len(small.get("/v1/datasets").json()["datasets"]) == 1


def test_an_upload_that_unpacks_to_more_than_the_limit_is_a_413(tmp_path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("embeddings.npy", b"\0" * (3 * 1024 * 1024))
    settings = Settings(_env_file=None, data_dir=tmp_path, store="off", preload=(), max_upload_mb=2)
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as small:
        assert upload(small, file.getvalue()).status_code == 413
        assert small.get("/v1/datasets").json() == {"datasets": []}


@pytest.mark.parametrize("name", ["%2e%2e%2fdata", "0" * 16, "A" * 16, "facts.json"])
def test_an_id_that_is_a_path_is_just_unknown(api, name) -> None:
    assert api.get(f"/v1/datasets/{name}").status_code == 404


@pytest.mark.parametrize(
    ("names", "part"),
    [
        (["a", "a"], "own name"),
        (["object", "b"], "taken by the results"),
        (["", "b"], "printable"),
        (["a\x00b", "b"], "printable"),
        ([1, 2], "list of text"),
        ("ab", "list of text"),
        ([b"\xff", b"b"], "UTF-8"),
    ],
)
def test_names_that_results_could_not_tell_apart_are_refused(api, names, part) -> None:
    answer = upload(api, npz(names=np.array(names)))
    assert answer.status_code == 422, answer.text
    assert part in answer.json()["detail"]


def test_names_as_bytes_are_read_as_text(api) -> None:
    assert upload(api, npz(names=np.array([b"color", b"shape"]))).json()["names"] == ["color", "shape"]


def test_an_array_whose_header_claims_more_than_memory_is_a_413(api) -> None:
    header = io.BytesIO()
    claim = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 1000)}
    np.lib.format.write_array_header_1_0(header, claim)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("embeddings", "scenes", "values"):
            archive.writestr(f"{name}.npy", header.getvalue())
    answer = upload(api, file.getvalue())
    assert answer.status_code == 413, answer.text


def test_an_upload_in_another_field_or_form_is_told_where_it_belongs(api) -> None:
    wrong = [
        api.post("/v1/datasets", files={"data": ("world.npz", npz())}),
        api.post("/v1/datasets", data={"file": "text"}, files={"other": ("world.npz", b"x")}),
        api.post("/v1/datasets", content=npz(), headers={"Content-Type": "application/octet-stream"}),
    ]
    for answer in wrong:
        assert answer.status_code == 422
        assert "multipart/form-data" in answer.json()["detail"]
