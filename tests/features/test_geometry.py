import io

import numpy as np
import pytest

# Twelve objects, so that the oracles' long vectors make small problems.
pytestmark = pytest.mark.usefixtures("mini")


def upload(api, embeddings, scenes, values):
    file = io.BytesIO()
    np.savez(file, embeddings=embeddings.astype(np.float32), scenes=scenes, values=np.array(values))
    answer = api.post("/v1/datasets", files={"file": ("world.npz", file.getvalue(), "application/octet-stream")})
    assert answer.status_code == 201, answer.text
    return {"dataset": answer.json()["id"]}


def on(model, space="mini", modality="image", **more):
    return {"model": model, "space": space, "modality": modality, **more}


def ask(api, noun, source, **options):
    answer = api.post(f"/v1/{noun}", json={"source": source, **options})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_probes_read_the_binding_of_an_additive_model_and_not_of_a_bag(api) -> None:
    bound, bag = (ask(api, "probes", on(f"synthetic:{name}")) for name in ("additive", "bag"))
    for got in (bound, bag):
        assert got["test"]["concepts"]["value"] > 0.95
        assert {"color", "shape", "concepts", "object", "object_on_valid_swaps"} == set(got["test"])
        assert got["train_scenes"] + got["test_scenes"] == 144
        assert got["splits"] == 5
        assert got["object_chance"] == pytest.approx(
            {"unconditional": 1 / 66, "given_bag": 1 / 6, "ceiling_bag": 1 / 2}
        )
    assert bound["binding"]["says"] == "present"
    assert bound["binding"]["forced_choice"]["value"] > 0.97
    assert bag["binding"]["says"] in ("not found", "too few")
    assert bag["binding"]["forced_choice"]["value"] == pytest.approx(0.5, abs=0.05)


def test_per_value_bars_have_a_name_each(api) -> None:
    got = ask(api, "probes", on("synthetic:additive"))
    assert [v["value"] for v in got["per_value"]["shape"]] == ["square", "circle", "star"]


def test_a_repeated_question_is_answered_from_memory_and_says_since_when(api) -> None:
    first = ask(api, "probes", on("synthetic:product"), seed=3)
    again = ask(api, "probes", on("synthetic:product"), seed=3)
    assert not first["cached"]
    assert again["cached"]
    assert again["computed_at"] == first["computed_at"]
    assert {k: v for k, v in again.items() if k != "cached"} == {k: v for k, v in first.items() if k != "cached"}
    assert not ask(api, "probes", on("synthetic:product"), seed=4)["cached"]


def test_probes_run_on_an_upload(api) -> None:
    rng = np.random.default_rng(0)
    scenes = rng.integers(0, (3, 3), (120, 2, 2))
    codes = rng.standard_normal((9, 30))
    source = upload(api, codes[scenes[..., 0] * 3 + scenes[..., 1]].sum(1), scenes, (3, 3))
    got = ask(api, "probes", source)
    assert got["test"]["object"]["value"] > 0.9
    assert got["provenance"]["model"].startswith("dataset:")


@pytest.mark.parametrize("noun", ["probes", "decompositions", "removals", "interventions"])
@pytest.mark.parametrize(
    ("source", "status", "part"),
    [
        ({}, 422, "A source is"),
        ({"model": "synthetic:bag"}, 422, "space and a modality"),
        ({"dataset": "0" * 16}, 404, "dataset"),
        (on("synthetic:none"), 404, "model"),
        (on("synthetic:bag", space="mars"), 404, "space"),
        (on("bundled:all-minilm-l6-v2"), 422, "text only"),
    ],
)
def test_a_source_that_is_not_there_is_a_4xx(api, noun, source, status, part) -> None:
    answer = api.post(f"/v1/{noun}", json={"source": source})
    assert answer.status_code == status, answer.text
    assert part in answer.json()["detail"]


def test_too_few_scenes_are_a_422_that_says_so(api) -> None:
    source = upload(api, np.random.default_rng(1).standard_normal((3, 4)), np.zeros((3, 2, 2), int), (2, 2))
    for noun in ("probes", "removals", "decompositions"):
        answer = api.post(f"/v1/{noun}", json={"source": source})
        assert answer.status_code == 422
        assert "at least two different sets of values" in answer.json()["detail"]


def test_vectors_that_are_all_equal_give_no_figure_and_no_claim(api) -> None:
    grid = np.indices((3, 3, 3, 3)).reshape(4, -1).T.reshape(-1, 2, 2)
    source = upload(api, np.ones((81, 6)), grid, (3, 3))
    got = ask(api, "probes", source)
    assert set(got["strength"].values()) == {None}
    assert got["binding"]["forced_choice"] is None
    assert got["test"]["object"] == {"value": None, "low": None, "high": None, "n": 0}
    for noun in ("decompositions", "interventions"):
        assert ask(api, noun, source)["binding"]["says"] == "too few"
    assert {b["says"] for b in ask(api, "removals", source)["bindings"].values()} == {"too few"}


def test_scenes_without_their_swaps_show_both_unpaired_figures_and_no_claim(api) -> None:
    rng = np.random.default_rng(0)
    grid = np.indices((5, 4, 5, 4)).reshape(4, -1).T.reshape(-1, 2, 2)
    _, first = np.unique(np.sort(grid, axis=1).reshape(len(grid), -1), axis=0, return_index=True)
    scenes = grid[first]
    source = upload(api, rng.standard_normal((20, 40))[scenes[..., 0] * 4 + scenes[..., 1]].sum(1), scenes, (5, 4))
    got = ask(api, "probes", source)["binding"]
    assert got["forced_choice"] is None
    assert got["unpaired"]["forced_choice"]["value"] > got["unpaired"]["bag_baseline"]["value"]
    assert got["says"] == "weak"


def test_a_trained_model_has_a_random_twin_beside_it_and_an_oracle_says_why_not(api) -> None:
    got = ask(api, "probes", on("bundled:tiny-bind", modality="text"), twins=3)
    twin = got["binding"]["twin"]
    assert twin["seeds"] == 3
    assert twin["forced_choice"]["n"] > 0
    assert got["note"] is None
    without = ask(api, "probes", on("synthetic:bag"), twins=3)
    assert without["binding"]["twin"] is None
    assert "No random-weights twin" in without["note"]


def test_an_additive_model_is_explained_by_its_objects_and_a_product_is_not(api) -> None:
    additive = ask(api, "decompositions", on("synthetic:additive"), estimator="lstsq")
    assert additive["r2"]["test"] > 0.999
    # Left-right and right-left make the same sum: they tie exactly, and a tie is never right.
    assert additive["retrieval"]["value"] < 0.2
    assert additive["probing"]["object"]["value"] > 0.9
    product = ask(api, "decompositions", on("synthetic:product"), estimator="avg")
    assert product["r2"]["test"] < 0.6
    assert additive["binding"]["forced_choice"]["value"] > 0.97


def test_a_bag_is_explained_by_its_concepts(api) -> None:
    got = ask(api, "decompositions", on("synthetic:bag"), estimator="lstsq", level=2)
    assert got["r2"]["test"] > 0.999


def test_the_shares_of_one_scene_add_up_to_one(api, scene) -> None:
    scene["space"] = "mini"
    got = ask(api, "decompositions/scene", on("synthetic:additive"), scene=scene)
    assert sum(o["share"] for o in got["objects"]) + got["residual"] == pytest.approx(1, abs=1e-6)
    for own in got["objects"]:
        assert sum(own["concepts"].values()) == pytest.approx(own["share"], abs=1e-6)


VARIANTS = ("original", "minus_concepts", "minus_objects", "permuted_concepts", "permuted_objects")
CONTROLS = ("random_subspace_concepts", "random_subspace_objects")


def test_removing_the_objects_removes_the_binding_and_a_random_subspace_keeps_it(api) -> None:
    got = ask(api, "removals", on("synthetic:additive"), splits=2)
    # Without noise nothing is left once the objects are out: equal vectors, and no figure of them.
    assert got["bindings"]["minus_objects"]["says"] == "too few"
    assert got["variants"]["minus_objects"]["object"]["value"] is None
    assert set(got["variants"]) == set(got["bindings"]) == {*VARIANTS, *CONTROLS}
    assert got["variants"]["original"]["object_on_valid_swaps"]["value"] > 0.9
    for control in CONTROLS:
        assert got["bindings"][control]["forced_choice"]["value"] > 0.95
        assert got["bindings"][control]["control"] is None
    assert got["bindings"]["permuted_objects"]["control"]["difference"]["low"] is not None
    assert set(got["ranks"]) == {"concepts", "objects"}


def test_of_a_bag_only_permuted_objects_seem_to_bind_and_nothing_is_claimed_of_them(api) -> None:
    got = ask(api, "removals", on("synthetic:bag"), splits=2)["bindings"]
    assert all(binding["says"] in ("not found", "too few") for binding in got.values())
    assert got["original"]["forced_choice"]["value"] == pytest.approx(0.5, abs=0.06)


def test_an_edited_additive_scene_lands_on_the_scene_it_aims_at(api) -> None:
    got = ask(api, "interventions", on("synthetic:product"), estimator="avg_pos", limit=60)
    assert got["edits"] == 60
    assert got["concept"] == "color"
    assert set(got["probing"]) >= {"color", "shape", "concepts", "object"}
    assert got["rendered_cosine"]["n"] == 60
    assert {"value", "low", "high", "n"} == set(got["retrieval_published"])
    assert set(got["binding"]) >= {"forced_choice", "says", "control"}


def test_one_edit_shows_where_it_lands_and_what_the_probes_say(api, scene) -> None:
    scene["space"] = "mini"
    new = {"color": "green", "shape": "square"}
    got = ask(
        api, "interventions/edit", on("synthetic:additive"), scene=scene, object=0, replacement=new, estimator="avg"
    )
    assert got["edited"]["objects"][0]["values"] == new
    assert got["nearest"][0]["wanted"] or got["nearest"][1]["wanted"]
    assert got["rendered_cosine"] > 0.99 > got["source_cosine"]
    green = next(c for c in got["concepts"]["color"] if c["name"] == "green")
    assert green["after"] > green["before"]
    assert (green["present"], green["was_present"]) == (True, False)


@pytest.mark.parametrize(
    ("noun", "options", "part"),
    [
        ("decompositions", {"estimator": "magic"}, "estimator"),
        ("decompositions", {"level": 3}, "level"),
        ("decompositions", {"test_ratio": 0}, "test_ratio"),
        ("interventions", {"concept": "texture"}, "texture"),
        ("interventions", {"limit": 0}, "limit"),
        ("probes", {"train_ratio": 1}, "train_ratio"),
        ("probes", {"estimator": "magic"}, "estimator"),
        ("probes", {"split": "coin"}, "split"),
        ("removals", {"splits": 0}, "splits"),
    ],
)
def test_what_cannot_be_done_is_a_422(api, noun, options, part) -> None:
    answer = api.post(f"/v1/{noun}", json={"source": on("synthetic:bag"), **options})
    assert answer.status_code == 422, answer.text
    assert part in answer.json()["detail"]


def test_single_objects_are_needed_for_the_estimator_of_their_name(api) -> None:
    rng = np.random.default_rng(2)
    source = upload(api, rng.standard_normal((40, 6)), rng.integers(0, 2, (40, 2, 2)), (2, 2))
    answer = api.post("/v1/decompositions", json={"source": source, "estimator": "single"})
    assert answer.status_code == 422
    assert "single" in answer.json()["detail"]
    assert ask(api, "decompositions", on("synthetic:additive"), estimator="single")["r2"]["test"] > 0.99


def test_an_edit_of_a_scene_that_the_sample_left_out_works_all_the_same(api, scene) -> None:
    scene["space"] = "mini"
    source = on("synthetic:additive", limit=40)
    new = {"color": "green", "shape": "square"}
    got = ask(api, "interventions/edit", source, scene=scene, object=0, replacement=new, estimator="avg")
    assert got["rendered_cosine"] > got["source_cosine"]
    assert ask(api, "interventions/edit", source, scene=scene, object=0, replacement=new, estimator="avg")["cached"]
