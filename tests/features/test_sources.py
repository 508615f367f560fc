"""``source`` and the fields beside it are two forms of one question; what contradicts itself is refused."""

import io

import numpy as np
import pytest

import own_data
from own_data import PAIRS, SPACE

MODEL = "bundled:tiny-bind"
#: Questions about both towers, small.
ASKED = {
    "verdicts/batch": {"model": MODEL, "count": 10},
    "retrievals": {"model": MODEL, "queries": 10, "limit": 50},
    "near-duplicates": {"model": MODEL, "limit": 50},
    "comparisons": {"models": [MODEL], "count": 10, "limit": 40},
    "disagreements": {"models": [MODEL, "bundled:tiny-bag"], "count": 10},
}


@pytest.fixture(scope="module")
def photos(api):
    return upload(api, own_data.picture_zip(PAIRS[:60]), "photos.zip")


@pytest.fixture(scope="module")
def vectors(api):
    return upload(api, npz(np.random.default_rng(0).normal(size=(24, 8))), "vectors.npz")


def npz(embeddings) -> bytes:
    file, labels = io.BytesIO(), np.random.default_rng(1).integers(0, 2, (len(embeddings), 2, 2))
    np.savez(file, embeddings=embeddings.astype(np.float32), scenes=labels, values=np.array([2, 2]))
    return file.getvalue()


def upload(api, body, name) -> str:
    answer = api.post("/v1/datasets", files={"file": (name, body)})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def refusal(answer) -> str:
    assert answer.status_code == 422, answer.text
    return answer.json()["detail"]


@pytest.mark.parametrize("path", ASKED)
@pytest.mark.parametrize("where", ["space", "dataset"])
def test_both_forms_of_a_question_have_one_kept_answer(api, photos, path, where) -> None:
    own = {"space": "shapes2d"} if where == "space" else {"dataset": photos}
    named = {"model": MODEL} if "model" in ASKED[path] else {}
    rest = {name: value for name, value in ASKED[path].items() if name != "model"}
    first = api.post(f"/v1/{path}", json={**ASKED[path], **own}).json()
    second = api.post(f"/v1/{path}", json={**rest, "source": {**named, **own}}).json()
    both = api.post(f"/v1/{path}", json={**ASKED[path], **own, "source": {**named, **own}, "template": "plain"}).json()
    assert second["cached"]
    assert both["cached"]
    assert second["computed_at"] == both["computed_at"] == first["computed_at"]


@pytest.mark.parametrize("path", ASKED)
def test_two_places_for_the_scenes_are_refused_in_whatever_form(api, photos, path) -> None:
    def asked(**more):
        return refusal(api.post(f"/v1/{path}", json={**ASKED[path], **more}))

    assert "twice" in asked(space="clevr2d", source={"space": "shapes2d"})
    assert "twice" in asked(dataset=photos, source={"space": "shapes2d"})
    assert "either a space or a dataset" in asked(source={"space": "shapes2d", "dataset": photos})
    assert "either a space or a dataset" in asked(source={})
    assert "source" in asked(source="shapes2d")


@pytest.mark.parametrize("path", ASKED)
def test_a_null_beside_source_says_nothing(api, photos, path) -> None:
    body = {**ASKED[path], "source": {"dataset": photos}, "dataset": None, "space": None}
    assert api.post(f"/v1/{path}", json=body).status_code == 200


def test_a_scene_of_another_space_has_no_place_on_the_map_of_pictures(api, photos) -> None:
    source = {"model": MODEL, "dataset": photos, "modality": "image"}

    def placed(objects, space):
        scene = {"space": space, "objects": [{"values": values} for values in objects]}
        return api.post("/v1/projections", json={"source": source, "place": [scene]})

    own = [SPACE.named(one) for one in PAIRS[0]]
    elsewhere = [{"color": "pink", "shape": "square"}, {"color": "blue", "shape": "circle"}]
    assert "choose objects of the upload" in refusal(placed(elsewhere, "shapes2d"))
    spaces = {one["name"] for one in api.get("/v1/spaces").json()["spaces"]}
    name = api.get(f"/v1/datasets/{photos}").json()["space"]
    assert name in spaces
    assert len(placed(own, name).json()["placed"]) == 1


def test_vectors_alone_are_told_to_bring_pictures_and_not_to_ask_a_model_that_is_none(api, vectors) -> None:
    body = {"source": {"model": MODEL, "dataset": vectors}, "count": 10}
    assert refusal(api.post("/v1/verdicts/batch", json=body)).endswith("upload pictures.")


def test_a_model_of_texts_has_nothing_to_find_among_the_pictures_of_an_upload(api, photos, vectors) -> None:
    for dataset in (photos, vectors):
        body = {"source": {"model": "bundled:all-minilm-l6-v2", "dataset": dataset}, "queries": 10}
        assert "upload stands for pictures" in refusal(api.post("/v1/retrievals", json=body))


THIN = {
    "one number": (np.random.default_rng(2).normal(size=(20, 1)), 2),
    "two numbers for three dimensions": (np.random.default_rng(2).normal(size=(20, 2)), 3),
}


@pytest.mark.parametrize("kind", THIN)
def test_vectors_that_umap_cannot_place_are_refused_in_a_sentence(api, kind) -> None:
    embeddings, dims = THIN[kind]
    thin = upload(api, npz(embeddings), "thin.npz")
    body = {"source": {"dataset": thin}, "dims": dims}
    assert "choose pca" in refusal(api.post("/v1/projections", json={**body, "method": "umap"}))
    assert api.post("/v1/projections", json={**body, "method": "pca"}).status_code == 200


def test_the_documentation_asks_for_a_model_here_or_in_the_source(api) -> None:
    parts = api.get("/openapi.json").json()["components"]["schemas"]
    for name in ("VerdictBatchRequest", "RetrievalRequest", "RepairRequest", "NearDuplicatesRequest"):
        assert parts[name]["anyOf"] == [{"required": ["model"]}, {"required": ["source"]}]
        assert "model" not in parts[name].get("required", [])
    assert parts["ProbeRequest"]["required"] == ["source"]
