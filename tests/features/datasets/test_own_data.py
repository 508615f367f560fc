"""What people bring, from the outside: pictures, vectors, texts; then every analysis on them."""

import io
import json
import os
import stat
import zipfile

import numpy as np
import pytest
from PIL import Image

import own_data
from own_data import HEADER, PAIRS, SPACE, npy, picture_zip, pictures, table, zipped


def send(api, body, filename="toy.zip", path="/v1/datasets", data=None, **files):
    parts = {"file": (filename, body), **{name: (name, part) for name, part in files.items()}}
    return api.post(path, files=parts, data=data or {})


@pytest.fixture(scope="module")
def photos(api):
    answer = send(api, picture_zip())
    assert answer.status_code == 201, answer.text
    return answer.json()


@pytest.fixture(scope="module")
def vectors(api):
    """Both sides of one model, as its owner would bring them: the product oracle's vectors of scenes and texts."""
    spec = {"name": "toy2", "concepts": {c.name: list(c.values) for c in SPACE.concepts}, "phrase": SPACE.phrase}
    assert api.post("/v1/spaces", json=spec).status_code == 201
    texts = api.get("/v1/spaces/toy2/texts").json()["texts"]
    ask = {"model": "synthetic:additive"}
    said = api.post("/v1/embeddings", json={**ask, "texts": texts}).json()["embeddings"]
    scenes = [{"space": "toy2", "objects": [{"values": SPACE.named(o)} for o in pair]} for pair in PAIRS]
    seen = api.post("/v1/embeddings", json={**ask, "scenes": scenes}).json()["embeddings"]
    file = io.BytesIO()
    np.savez(
        file,
        embeddings=np.array(seen, np.float32)[:, ::8],
        scenes=np.array(PAIRS),
        values=np.array([4, 4]),
        names=np.array(["color", "shape"]),
        texts=np.array(texts),
        text_embeddings=np.array(said, np.float32)[:, ::8],
    )
    answer = send(api, file.getvalue(), "both.npz", data={"space": "toy2"})
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_zip_of_pictures_is_looked_at_before_it_is_kept(api) -> None:
    before = api.get("/v1/datasets").json()
    found = send(api, picture_zip(PAIRS[:20]), path="/v1/datasets/check")
    assert found.status_code == 200, found.text
    body = found.json()
    assert body["dataset"]["kind"] == "pictures"
    assert body["dataset"]["scenes"] == 20
    assert body["rows"][0] == {
        "row": 0, "objects": [{"color": "red", "shape": "square"}, {"color": "red", "shape": "circle"}],
        "picture": "images/0000000.png",
    }  # fmt: skip
    assert sum(body["counts"]["color"].values()) == 40
    assert api.get("/v1/datasets").json() == before


def test_pictures_are_kept_with_their_space_rows_and_files(api, photos) -> None:
    assert photos["scenes"] == len(PAIRS)
    assert photos["space"] in {space["name"] for space in api.get("/v1/spaces").json()["spaces"]}
    rows = api.get(f"/v1/datasets/{photos['id']}/rows", params={"start": 5, "count": 2}).json()["rows"]
    assert [row["row"] for row in rows] == [5, 6]
    picture = api.get(f"/v1/datasets/{photos['id']}/pictures/5", params={"pixels": 48})
    assert Image.open(io.BytesIO(picture.content)).size == (48, 48)
    assert send(api, picture_zip()).json()["id"] == photos["id"]


def test_pictures_are_embedded_with_progress_and_then_cost_nothing(api, photos) -> None:
    path = f"/v1/datasets/{photos['id']}/embeddings"
    body = {"model": "bundled:tiny-bind"}
    answer = api.post(path, json=body, headers={"Accept": "application/x-ndjson"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert lines[0]["progress"]["done"] == 0
    assert lines[-1]["result"]["done"] == len(PAIRS)
    assert api.post(path, json=body).json() == {"done": len(PAIRS), "total": len(PAIRS), "cached": len(PAIRS)}


def test_an_uploaded_picture_has_the_vector_of_the_same_picture_sent_alone(api, photos) -> None:
    import base64

    model = "bundled:tiny-bind"
    alone = base64.b64encode(pictures()["images/0000007.png"]).decode()
    one = api.post("/v1/embeddings", json={"model": model, "images": [alone]}).json()["embeddings"]
    scene = {"dataset": photos["id"], "row": 7}
    other = api.post("/v1/embeddings", json={"model": model, "scenes": [scene]}).json()["embeddings"]
    assert np.allclose(one, other, atol=1e-6)


@pytest.mark.parametrize(
    ("noun", "body"),
    [
        ("probes", {}),
        ("decompositions", {"estimator": "lstsq"}),
        ("removals", {}),
        ("interventions", {"estimator": "lstsq"}),
        ("projections", {"method": "pca", "color_by": "verdict"}),
    ],
)
def test_every_analysis_of_a_source_runs_on_pictures_and_on_their_captions(api, photos, noun, body) -> None:
    for modality in ("image", "text"):
        source = {"dataset": photos["id"], "model": "bundled:tiny-bind", "modality": modality}
        answer = api.post(f"/v1/{noun}", json={"source": source, **body})
        assert answer.status_code == 200, answer.text
        assert answer.json()["provenance"]["dataset"] == photos["id"]


def test_verdicts_surveys_retrieval_and_boards_run_on_pictures(api, photos) -> None:
    model, own = "bundled:tiny-bind", {"dataset": photos["id"]}
    verdict = api.post("/v1/verdicts", json={"model": model, "scene": {**own, "row": 3}})
    assert verdict.status_code == 200, verdict.text
    survey = api.post("/v1/verdicts/batch", json={"model": model, "count": 30, "only_valid_swaps": True, **own}).json()
    assert survey["scenes"] == 30
    assert {"dataset", "row"} <= set(survey["atlas"][0]["example"])
    blank = api.post("/v1/verdicts/batch", json={"model": model, "count": 30, "control": "blank", **own}).json()
    assert blank["swap_accuracy"]["value"] < survey["swap_accuracy"]["value"]
    found = api.post("/v1/retrievals", json={"model": model, "queries": 20, **own}).json()
    assert found["items"][0]["results"][0]["scene"]["dataset"] == photos["id"]
    board = api.post("/v1/comparisons", json={"models": [model, "bundled:tiny-bag"], "count": 30, **own})
    assert board.status_code == 200, board.text
    assert board.json()["rows"][0]["probes"]["image"] is not None
    # The twins of the sampled pictures are found among the others of the upload.
    assert board.json()["bags"]["image"] > 15
    repair = api.post("/v1/repairs", json={"model": model, "coverage": 0.6, **own})
    assert repair.status_code == 422
    assert "two blocks of values are held out" in repair.json()["detail"]


#: Of each pair of twins only one, and one scene in both orders.
UNPAIRED = [(a, b) for a, b in PAIRS if (a[0] - b[0]) * (a[1] - b[1]) > 0]


@pytest.mark.parametrize("pairs", [UNPAIRED, [UNPAIRED[0], UNPAIRED[0][::-1]]])
def test_pictures_without_their_swaps_give_a_board_and_a_search_without_a_score(api, pairs) -> None:
    upload = send(api, picture_zip(pairs))
    assert upload.status_code == 201, upload.text
    own = {"dataset": upload.json()["id"]}
    models = ["bundled:tiny-bind", "bundled:tiny-bag"]
    board = api.post("/v1/comparisons", json={"models": models, "count": 30, **own})
    assert board.status_code == 200, board.text
    for row in board.json()["rows"]:
        assert row["binding"]["forced_choice"] is None
        assert row["standing"] == "too few"
    (pair,) = board.json()["pairs"]
    assert (pair["difference"]["n"], pair["adjusted"], pair["separate"]) == (0, None, False)
    differ = api.post("/v1/disagreements", json={"models": models, "count": 30, **own})
    assert differ.status_code == 200, differ.text
    assert differ.json()["p"] is None
    found = api.post("/v1/retrievals", json={"model": models[0], "k": 1, "queries": 20, **own})
    assert found.status_code == 200, found.text
    assert found.json()["binding"]["says"] == "too few"
    assert found.json()["swapped_first_chance"] is None


def test_the_verdicts_on_pictures_are_those_on_the_drawn_scenes(api, photos) -> None:
    model = "bundled:tiny-bind"
    for row in (1, 10, 40):
        objects = [{"values": SPACE.named(o)} for o in PAIRS[row]]
        drawn = api.post("/v1/verdicts", json={"model": model, "scene": {"space": photos["space"], "objects": objects}})
        kept = api.post("/v1/verdicts", json={"model": model, "scene": {"dataset": photos["id"], "row": row}})
        one, other = drawn.json()["contest"], kept.json()["contest"]
        assert one["outcome"] == other["outcome"]
        assert one["margin"] == pytest.approx(other["margin"], abs=1e-5)


def test_vectors_of_both_sides_answer_as_the_model_that_made_them(api, vectors) -> None:
    model = f"precomputed:{vectors['id']}"
    assert vectors["model"] == model
    listed = {m["id"]: m for m in api.get("/v1/models").json()["models"]}
    assert listed[model]["modalities"] == ["image", "text"]
    own = {"model": model, "dataset": vectors["id"], "count": 40, "only_valid_swaps": True}
    survey = api.post("/v1/verdicts/batch", json=own)
    assert survey.status_code == 200, survey.text
    assert survey.json()["anchor"] == "image"
    assert survey.json()["swap_accuracy"]["value"] > 0.9
    found = api.post("/v1/retrievals", json={"model": model, "dataset": vectors["id"], "queries": 20})
    assert found.status_code == 200, found.text
    assert found.json()["recall"]["1"]["value"] > 0.9
    source = {"model": model, "space": "toy2", "modality": "text"}
    assert api.post("/v1/probes", json={"source": source}).status_code == 200


def test_a_service_with_uploaded_vectors_in_memory_is_ready(api, vectors) -> None:
    model = f"precomputed:{vectors['id']}"
    api.post("/v1/embeddings", json={"model": model, "texts": ["not among the texts"]})
    assert model in {row["id"] for row in api.get("/v1/models").json()["models"] if row["loaded"]}
    ready = api.get("/readyz").json()
    assert ready["ready"]
    assert model in ready["canary"]


def test_a_text_that_was_not_uploaded_is_named(api, vectors) -> None:
    model = f"precomputed:{vectors['id']}"
    answer = api.post("/v1/embeddings", json={"model": model, "texts": ["a purple cow"]})
    assert answer.status_code == 422
    assert "a purple cow" in answer.json()["detail"]


def test_texts_alone_are_a_text_model(api) -> None:
    texts = api.get("/v1/spaces/clevr2d/texts").json()["texts"]
    said = api.post("/v1/embeddings", json={"model": "synthetic:bag", "texts": texts}).json()["embeddings"]
    array = np.array(said, np.float32)[:, ::16]
    rows = "\n".join(["text", *texts]).encode()
    found = send(api, npy(array), "ada.npy", labels=rows).json()
    assert (found["kind"], found["texts"]) == ("texts", len(texts))
    answer = api.post("/v1/verdicts/batch", json={"model": found["model"], "space": "clevr2d", "count": 20})
    assert answer.status_code == 200, answer.text
    assert answer.json()["undecided"]["value"] == 1.0


def test_parquet_and_npy_with_a_table_are_the_same_upload(api) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng = np.random.default_rng(0)
    array = rng.standard_normal((len(PAIRS), 16)).astype(np.float32)
    names = [[SPACE.concepts[k].values[o[k]] for o in pair for k in range(2)] for pair in PAIRS]
    columns = dict(zip(HEADER.split(",")[1:], zip(*names, strict=True), strict=True))
    file = io.BytesIO()
    pq.write_table(pa.table({**{k: list(v) for k, v in columns.items()}, "embedding": array.tolist()}), file)
    one = send(api, file.getvalue(), "toy_v.parquet", data={"name": "toy_v"})
    assert one.status_code == 201, one.text
    other = send(api, npy(array), "toy_v.npy", labels=table(), data={"name": "toy_v"})
    inside = send(api, zipped({"labels.csv": table(), "embeddings.npy": npy(array)}), data={"name": "toy_v"})
    assert one.json()["id"] == other.json()["id"] == inside.json()["id"]
    assert api.post("/v1/probes", json={"source": {"dataset": one.json()["id"]}}).status_code == 200


def linked() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("labels.csv", table(PAIRS[:3]))
        link = zipfile.ZipInfo("images/0000000.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, os.sep + "etc/passwd")
    return file.getvalue()


def twice() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.png", b"x")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.png", b"y")
    return file.getvalue()


SOME = PAIRS[:6]
FILES = pictures(SOME)
BROKEN = {**FILES, "images/0000002.png": b"no picture", "images/0000004.png": FILES["images/0000004.png"][:90]}
LABELS = table(SOME)


def with_table(**members) -> bytes:
    return zipped({"labels.csv": LABELS, **members})


def with_vectors(body) -> bytes:
    return zipped({"labels.csv": LABELS, "embeddings.npy": body})


TWO_TEXTS = zipped({"labels.csv": b"text\na\na\n", "embeddings.npy": npy(np.eye(2, dtype=np.float32))})
SHARED = zipped({"labels.csv": LABELS + b"\n0000001.png,red,star,blue,star", **FILES})


@pytest.mark.parametrize(
    ("body", "status", "part"),
    [
        (with_table(**BROKEN), 422, "2 pictures cannot be read. Picture 'images/0000002.png'"),
        (with_table(**pictures(SOME[:4])), 422, "names 2 pictures that are not in the archive"),
        (SHARED, 422, "rows 2 and 7"),
        (zipped({"labels.csv": LABELS, "../up.png": b"x"}), 422, "'../up.png', which points outside"),
        (zipped({"labels.csv": LABELS, "/etc/x.png": b"x"}), 422, "points outside"),
        (zipped({"labels.csv": LABELS, "a\\b.png": b"x"}), 422, "points outside"),
        (linked(), 422, "the link 'images/0000000.png'"),
        (twice(), 422, "'a.png' twice"),
        (zipped({"x.png": b"1"}), 422, "has no CSV table"),
        (zipped({"a.csv": LABELS, "b.csv": LABELS}), 422, "2 CSV tables"),
        (zipped({"labels.csv": LABELS}), 422, "holds no pictures"),
        (zipped({"labels.csv": LABELS, "bomb.png": bytes(2**20 * 300)}, deflated=True), 413, "unpacks to"),
        (b"PK\x03\x04 cut short", 422, "not a readable zip"),
        (with_vectors(npy(np.zeros((5, 4), np.float32))), 422, "5 rows"),
        (with_vectors(npy(np.full((6, 4), np.nan, np.float32))), 422, "not finite"),
        (with_vectors(b"\x80\x04cos\nsystem\n"), 422, "not a .npy file"),
        (TWO_TEXTS, 422, "rows 1 and 2"),
        (b"PAR1 nothing PAR1", 422, "not a readable Parquet"),
    ],
)  # fmt: skip
def test_a_bad_upload_names_what_is_wrong_and_leaves_nothing(small_api, small_settings, body, status, part) -> None:
    before = sorted(str(p) for p in small_settings.data_dir.joinpath("datasets").rglob("*"))
    spaces = small_api.get("/v1/spaces").json()
    answer = send(small_api, body)
    assert answer.status_code == status, answer.text
    assert part in answer.json()["detail"]
    assert sorted(str(p) for p in small_settings.data_dir.joinpath("datasets").rglob("*")) == before
    assert small_api.get("/v1/spaces").json() == spaces


@pytest.fixture(scope="module")
def small_settings(tmp_path_factory):
    from bindscope.core.config import Settings

    return Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("small"), preload=(), max_upload_mb=256)


@pytest.fixture(scope="module")
def small_api(small_settings):
    from starlette.testclient import TestClient

    from bindscope.api.app import create_app

    with TestClient(create_app(small_settings), base_url="http://127.0.0.1") as client:
        yield client


def test_pictures_need_a_model_and_vectors_take_none(api, photos, vectors) -> None:
    answer = api.post("/v1/probes", json={"source": {"dataset": photos["id"]}})
    assert answer.status_code == 422
    assert "name the model" in answer.json()["detail"]
    source = {"dataset": vectors["id"], "model": "bundled:tiny-bind"}
    assert "leave the model out" in api.post("/v1/probes", json={"source": source}).json()["detail"]


def test_a_space_that_was_chosen_lists_the_values_that_it_lacks(api) -> None:
    answer = send(api, picture_zip(SOME), data={"space": "words"})
    assert answer.status_code == 422
    assert "has the concepts color, shape" in answer.json()["detail"]
    bad = LABELS.replace(b"star", b"stra")
    answer = send(api, zipped({"labels.csv": bad, **pictures(SOME)}), data={"space": "shapes2d"})
    assert "'stra' (shape" in answer.json()["detail"]


def test_a_deleted_upload_is_gone_as_a_dataset_and_as_a_model(api) -> None:
    rows = b"text\na red square\na blue circle"
    found = send(api, npy(np.eye(2, 8, dtype=np.float32)), "two.npy", labels=rows).json()
    assert api.post("/v1/embeddings", json={"model": found["model"], "texts": ["a red square"]}).status_code == 200
    assert api.delete(f"/v1/datasets/{found['id']}").status_code == 204
    assert api.post("/v1/embeddings", json={"model": found["model"], "texts": ["a red square"]}).status_code == 404


def test_the_toy_space_is_what_the_module_says() -> None:
    assert own_data.SPACE.object_count == 16
