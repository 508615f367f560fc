import copy
import json

import pytest

from bindscope.features.surveys.schemas import BatchLine


def ask(api, model, scene, **options):
    answer = api.post("/v1/verdicts", json={"model": model, "scene": scene, **options})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_bag_sees_the_concepts_but_not_which_is_which(api, scene) -> None:
    got = ask(api, "synthetic:bag", scene)
    assert got["diagnosis"] == "bag_of_concepts"
    assert got["contest"]["outcome"] == "undecided"
    assert got["contest"]["margin"] == 0
    assert got["concepts"]["recognised"]
    assert not got["objects"]["recognised"]
    assert got["answer"] == "It sees red, blue, square, circle, but not which is which."


@pytest.mark.parametrize("model", ["synthetic:additive", "synthetic:product"])
def test_a_binding_model_prefers_the_true_caption(api, scene, model) -> None:
    got = ask(api, model, scene)
    assert got["diagnosis"] == "binds"
    assert got["contest"]["margin"] > 10 * got["contest"]["noise_floor"]
    assert [c["kind"] for c in got["contest"]["captions"]] == ["true", "true", "swap", "swap"]


def test_an_order_blind_model_is_undecided_never_right(api, scene) -> None:
    got = ask(api, "synthetic:order-blind", scene)
    assert got["contest"]["outcome"] == "undecided"
    assert got["diagnosis"] == "undecided"


def test_a_scene_without_a_valid_swap_has_no_margin(api, scene) -> None:
    scene["objects"][1]["values"]["color"] = "red"
    got = ask(api, "synthetic:additive", scene)
    assert got["contest"]["outcome"] == "no_valid_swap"
    assert got["contest"]["margin"] is None
    assert got["diagnosis"] == "undecided"
    assert "Nothing can be exchanged" in got["answer"]


def test_scores_cover_every_value_and_every_object_once(api, scene) -> None:
    got = ask(api, "synthetic:additive", scene)
    assert len(got["concepts"]["scores"]) == 20
    assert len(got["objects"]["scores"]) == 100
    assert sum(s["present"] for s in got["concepts"]["scores"]) == 4
    assert sum(s["present"] for s in got["objects"]["scores"]) == 2


def test_the_same_question_is_answered_from_the_cache_with_the_same_numbers(api, scene) -> None:
    scene["objects"][0]["x"] = 0.3141592
    first, second = ask(api, "synthetic:product", scene), ask(api, "synthetic:product", scene)
    # The picture was new to the first one.
    assert second["cached"] > first["cached"]
    for part in ("contest", "concepts", "objects", "diagnosis"):
        assert first[part] == second[part]


def test_moving_the_same_objects_changes_nothing_for_a_model_that_reads_order_only(api, scene) -> None:
    moved = copy.deepcopy(scene)
    moved["objects"][0]["y"] = 0.3
    assert ask(api, "synthetic:bag", scene)["contest"] == ask(api, "synthetic:bag", moved)["contest"]


@pytest.mark.parametrize("count", [1, 3, 4, 6])
def test_scenes_of_any_allowed_size_get_a_verdict(api, count) -> None:
    colors, shapes = (
        ["red", "blue", "green", "yellow", "pink", "gray"],
        ["square", "circle", "star", "heart", "ring", "cross"],
    )
    objects = [{"values": {"color": c, "shape": s}} for c, s in zip(colors[:count], shapes, strict=False)]
    got = ask(api, "synthetic:additive", {"space": "shapes2d", "objects": objects})
    assert got["diagnosis"] == ("binds" if count > 1 else "undecided")


def test_provenance_names_everything_that_made_the_number(api, scene) -> None:
    got = ask(api, "synthetic:bag", scene, template="photo")["provenance"]
    assert got["model"] == "synthetic:bag"
    assert got["template"] == "photo"
    assert all(got[key] for key in ("fingerprint", "dtype", "device", "space", "renderer", "versions"))


def batch(api, model, **options):
    answer = api.post(
        "/v1/verdicts/batch", json={"model": model, "space": "shapes2d", "count": 60, "seed": 1, **options}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_over_many_scenes_an_order_blind_encoder_is_never_right(api) -> None:
    got = batch(api, "synthetic:order-blind", only_valid_swaps=True)
    assert got["swap_accuracy"]["value"] == 0
    assert got["undecided"]["value"] == 1
    assert got["recognition"]["object"]["value"] == 1


def test_over_many_scenes_a_bag_recognises_concepts_and_no_objects(api) -> None:
    got = batch(api, "synthetic:bag", only_valid_swaps=True)
    assert got["swap_accuracy"]["value"] == 0
    assert got["recognition"]["concepts"]["value"] == 1
    assert got["recognition"]["object_on_valid_swaps"]["value"] == 0


def test_degenerate_swaps_are_counted_apart(api) -> None:
    got = batch(api, "synthetic:additive", space="clevr2d")
    assert got["no_valid_swap"] > 0
    assert got["swap_accuracy"]["n"] + got["no_valid_swap"] == got["scenes"] == 60
    assert got["swap_accuracy"]["value"] == 1


def test_the_same_seed_gives_the_same_survey_and_another_seed_another(api) -> None:
    keys = ("swap_accuracy", "recognition", "atlas", "failures")
    first, again, other = (batch(api, "synthetic:product", seed=s) for s in (5, 5, 6))
    assert all(first[k] == again[k] for k in keys)
    assert any(first[k] != other[k] for k in keys)


def test_the_atlas_names_pairs_of_values_with_a_scene_to_open(api) -> None:
    got = batch(api, "synthetic:bag", only_valid_swaps=True)
    cell = got["atlas"][0]
    values = {o["values"][cell["concept"]] for o in cell["example"]["objects"]}
    assert values == {cell["value"], cell["other"]}
    assert (
        sum(c["swapped"]["n"] for c in got["atlas"] if c["concept"] == "color") == got["scenes"] + got["twins"] == 120
    )


def test_the_streamed_form_ends_with_the_same_result(api) -> None:
    body = {"model": "synthetic:additive", "space": "shapes2d", "count": 150, "seed": 2}
    answer = api.post("/v1/verdicts/batch", json=body, headers={"Accept": "application/x-ndjson"})
    lines = [BatchLine.model_validate_json(line) for line in answer.text.splitlines()]
    assert [line.progress.done for line in lines[:-1]] == [64, 128, 150]
    plain = api.post("/v1/verdicts/batch", json=body).json()
    streamed = json.loads(lines[-1].result.model_dump_json())
    assert {k: v for k, v in streamed.items() if k not in ("seconds", "computed_at", "cached")} == {
        k: v for k, v in plain.items() if k not in ("seconds", "computed_at", "cached")
    }


def test_the_smallest_edit_that_breaks_a_binding_model_is_searched_within_the_budget(api, scene) -> None:
    body = {"model": "synthetic:additive", "scene": scene, "budget": 30}
    got = api.post("/v1/counterexamples", json=body).json()
    assert not got["found"]
    assert got["tried"] == 30
    assert got["before"]["diagnosis"] == "binds"


def test_a_contest_without_a_winner_cannot_be_broken(api, scene) -> None:
    answer = api.post("/v1/counterexamples", json={"model": "synthetic:bag", "scene": scene})
    assert answer.status_code == 422
    assert "no winner" in answer.json()["detail"]
