import io

import numpy as np
import pytest

from mini_space import ask, refused

pytestmark = pytest.mark.usefixtures("mini")


def source(model="synthetic:additive", **more):
    return {"model": model, "space": "mini", "modality": "image", **more}


@pytest.mark.parametrize("method", ["pca", "mds"])
@pytest.mark.parametrize("dims", [2, 3])
def test_a_map_has_a_point_and_labels_for_each_scene(api, method, dims):
    got = ask(api, "projections", source=source(), method=method, dims=dims)
    assert np.array(got["points"]).shape == (144, dims)
    assert np.array(got["labels"]).shape == (144, 2, 2)
    assert got["concepts"]["shape"] == ["square", "circle", "star"]
    assert (got["explained"] is None) == (method == "mds")
    assert got["colors"] is None


def test_a_scene_that_is_placed_lies_on_its_own_point(api):
    objects = [{"values": {"color": "red", "shape": "square"}}, {"values": {"color": "blue", "shape": "circle"}}]
    got = ask(api, "projections", source=source(), place=[{"space": "mini", "objects": objects}])
    row = got["labels"].index([[0, 0], [1, 1]])
    assert got["placed"][0] == pytest.approx(got["points"][row], abs=1e-5)


def test_points_are_coloured_by_verdict_and_by_probes_that_never_saw_them(api):
    verdicts = ask(api, "projections", source=source("synthetic:bag"), color_by="verdict")["colors"]
    assert set(verdicts) == {"undecided", "no_valid_swap"}
    probes = ask(api, "projections", source=source("synthetic:bag"), color_by="probe")["colors"]
    assert len(probes) == 144
    assert "missed" in probes


def test_an_upload_has_a_map_without_verdicts(api):
    rng = np.random.default_rng(0)
    scenes = rng.integers(0, 3, (60, 2, 2))
    file = io.BytesIO()
    np.savez(file, embeddings=rng.standard_normal((60, 8), dtype=np.float32), scenes=scenes, values=np.array([3, 3]))
    upload = api.post("/v1/datasets", files={"file": ("w.npz", file.getvalue(), "application/octet-stream")}).json()
    got = ask(api, "projections", source={"dataset": upload["id"]})
    assert got["concepts"] == {"concept_1": ["0", "1", "2"], "concept_2": ["0", "1", "2"]}
    assert "colour it by" in refused(api, "projections", source={"dataset": upload["id"]}, color_by="verdict")


def test_a_map_that_cannot_be_is_refused(api):
    assert "2,000" in refused(api, "projections", source=source(space="shapes2d", limit=2500), method="mds")
    assert refused(api, "projections", source=source(), method="tsne")
