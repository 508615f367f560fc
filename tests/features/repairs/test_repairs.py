import json

import numpy as np
import pytest

import turned_world
from bindscope.encoders.families.repaired import RECORD
from bindscope.features.repairs.schemas import RepairModel


def ask(api, path, **body):
    answer = api.post(f"/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(api, path, **body):
    answer = api.post(f"/v1/{path}", json=body)
    assert answer.status_code in (404, 422), answer.text
    return answer.json()["detail"]


def brought(api, name, **options):
    api.post("/v1/spaces", json=turned_world.space(name))
    texts = api.get(f"/v1/spaces/{name}/texts").json()["texts"]
    file = ("both.npz", turned_world.upload(texts, **options))
    answer = api.post("/v1/datasets", files={"file": file}, data={"space": name})
    assert answer.status_code == 201, answer.text
    found = answer.json()
    return {"model": f"precomputed:{found['id']}", "dataset": found["id"]}


@pytest.fixture(scope="module")
def turned(api):
    return brought(api, "turned")


@pytest.fixture(scope="module")
def mended(api, turned):
    return ask(api, "repairs", **turned)


@pytest.fixture(scope="module")
def tables(api):
    return ask(api, "repairs", **brought(api, "tables", shared=False))


def test_a_shared_code_is_repaired_on_objects_that_the_map_never_saw(mended):
    assert mended["id"] is not None
    assert mended["repaired"] == f"repaired:{mended['id']}"
    assert mended["gain"]["value"] > 0.3
    assert mended["gain"]["low"] > 0
    assert mended["gain"]["n"] == mended["test_objects"] == 16
    assert mended["after"]["binding"]["says"] == "present"
    assert mended["before"]["binding"]["forced_choice"]["value"] < 0.7
    assert mended["confirmation"]["kept"]
    assert [own["familiar"] for own in mended["strata"]] == [0, 1, 2]


def test_a_repair_says_what_was_held_out_and_what_it_costs(mended):
    assert [point["t"] for point in mended["path"]] == [round(0.1 * n, 1) for n in range(11)]
    assert mended["before"] == mended["path"][0]
    assert mended["after"] == mended["path"][round(10 * mended["t"])]
    for own in (mended["before"], *mended["baselines"].values()):
        assert {"binding", "swap_accuracy", "recall_at_1", "concepts"} <= set(own)
        assert own["swap_accuracy_chance"] == 0.5
    assert set(mended["baselines"]) == {"mean_removed", "whitened"}
    for concept, values in turned_world.VALUES.items():
        held = [mended["blocks"][name][concept] for name in ("validation", "test")]
        assert set(held[0]).isdisjoint(held[1])
        assert set(held[0] + held[1]) <= set(values)
    assert mended["text_probe"]["says"] == "present"


def test_unrelated_tables_are_not_repaired_and_leave_nothing_behind(api, tables):
    assert (tables["id"], tables["repaired"], tables["t"], tables["snippet"]) == (None, None, 0.0, "")
    assert tables["after"] == tables["before"]
    assert (tables["gain"]["value"], tables["gain"]["low"], tables["gain"]["high"]) == (0.0, 0.0, 0.0)
    kept = api.get("/v1/repairs").json()["repairs"]
    assert tables["model"] not in {own["model"] for own in kept}
    models = {model["id"] for model in api.get("/v1/models").json()["models"] if model["family"] == "repaired"}
    assert models == {own["repaired"] for own in kept}


def test_a_repair_that_was_not_kept_is_remembered_all_the_same(api, tables):
    again = ask(api, "repairs", model=tables["model"], dataset=tables["model"].partition(":")[2])
    assert again["cached"]
    assert again["path"] == tables["path"]


@pytest.mark.parametrize("model", ["synthetic:bag", "synthetic:additive"])
def test_what_cannot_or_need_not_be_mended_is_left_as_it_is(api, model):
    got = ask(api, "repairs", model=model, limit=900)
    assert got["id"] is None
    assert got["train_objects"] == 60
    score = got["before"]["binding"]["forced_choice"]["value"]
    assert score == pytest.approx(1.0 if model == "synthetic:additive" else 0.5, abs=0.03)


def test_a_bundled_bag_is_asked_on_the_default_space(api):
    got = ask(api, "repairs", model="bundled:tiny-bag", limit=700)
    assert got["space"] == "shapes2d"
    assert RepairModel.model_validate(got).before.binding.forced_choice.n == 20
    assert 0.35 < got["before"]["binding"]["forced_choice"]["value"] < 0.65


def test_a_repair_is_a_file_that_ten_lines_of_numpy_read(api, mended, tmp_path, monkeypatch):
    file = api.get(f"/v1/repairs/{mended['id']}.npz")
    assert file.headers["content-disposition"].endswith(f'filename="{mended["id"]}.npz"')
    (tmp_path / f"{mended['id']}.npz").write_bytes(file.content)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(mended["snippet"], names)
    assert mended["snippet"].strip().count("\n") < 12
    texts = ["a red square and a blue circle", "a blue square"]
    plain, own = (
        np.array(ask(api, "embeddings", model=model, texts=texts)["embeddings"])
        for model in (mended["model"], mended["repaired"])
    )
    mapped = names["repaired"](plain)
    assert np.allclose(mapped, own / np.linalg.norm(own, axis=1, keepdims=True), atol=1e-5)
    assert np.allclose(np.linalg.norm(own, axis=1), np.linalg.norm(plain, axis=1), rtol=1e-5)


def test_a_repaired_model_is_a_model_for_every_question(api, turned, mended):
    listed = {model["id"]: model for model in api.get("/v1/models").json()["models"]}
    assert listed[mended["repaired"]]["modalities"] == ["image", "text"]
    half, whole = (f"{mended['repaired']}{end}" for end in ("@0.5", "@1"))
    vectors = [
        ask(api, "embeddings", model=model, texts=["a red square"])["embeddings"][0]
        for model in (mended["model"], f"{mended['repaired']}@0", half, whole)
    ]
    assert np.allclose(vectors[0], vectors[1], atol=1e-5)
    assert not np.allclose(vectors[0], vectors[3], atol=1e-2)
    assert "repaired already" in refused(api, "repairs", **{**turned, "model": mended["repaired"]})


def test_a_repair_that_is_asked_again_is_kept_and_a_deleted_one_is_gone(api, turned):
    body = {**turned, "seed": 3}
    first = ask(api, "repairs", **body)
    again = ask(api, "repairs", **body)
    assert again["cached"]
    assert again["id"] == first["id"]
    assert first["id"] in [found["id"] for found in api.get("/v1/repairs").json()["repairs"]]
    assert api.get(f"/v1/repairs/{first['id']}").json()["after"] == first["after"]
    assert api.delete(f"/v1/repairs/{first['id']}").status_code == 204
    for path in (f"/v1/repairs/{first['id']}", f"/v1/repairs/{first['id']}.npz"):
        assert api.get(path).status_code == 404
    assert "repair" in refused(api, "embeddings", model=first["repaired"], texts=["a"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model": "bundled:all-minilm-l6-v2"}, "needs both"),
        ({"coverage": 1.0}, "coverage"),
        ({"space": "nowhere"}, "nowhere"),
        ({"space": "clevr2d"}, "at least 20 sets of values"),
        ({"space": "grid-2x7"}, "here a block has 9 at most"),
        ({"space": "grid-1x30"}, "here a block has 0 at most"),
        ({"limit": 4}, "Raise the limit"),
        ({"limit": 200}, "12 sets of values for validation and 12 for the test"),
    ],
)
def test_a_repair_that_cannot_be_is_refused_with_a_sentence(api, change, words):
    answer = api.post("/v1/repairs", json={"model": "synthetic:additive", **change})
    assert answer.status_code in (404, 422)
    assert words in answer.text


@pytest.mark.parametrize("rows", [np.arange(0, 4096, 9), np.arange(2)])
def test_an_upload_with_few_swaps_is_refused_with_a_sentence(api, rows):
    body = brought(api, "turned", rows=rows)
    assert "upload with more scenes and their swaps" in refused(api, "repairs", **body)


def test_a_repair_of_an_earlier_version_is_offered_nowhere(api, turned, mended, settings):
    folder = settings.data_dir / "artifacts" / "repairs" / "0123456789abcdef"
    folder.mkdir(parents=True)
    old = {"id": folder.name, "model": turned["model"], "dim": 24, "fingerprint": "f", "t": 0.0}
    (folder / RECORD).write_text(json.dumps(old))
    listed = [own["id"] for own in api.get("/v1/repairs").json()["repairs"]]
    assert mended["id"] in listed
    assert folder.name not in listed
    assert f"repaired:{folder.name}" not in {own["id"] for own in api.get("/v1/models").json()["models"]}
    assert api.get(f"/v1/repairs/{folder.name}").status_code == 404
    answer = api.post("/v1/embeddings", json={"model": f"repaired:{folder.name}", "texts": ["a red square"]})
    assert answer.status_code < 500 or answer.status_code == 503
    assert "earlier version" in answer.json()["detail"]
