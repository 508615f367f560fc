import io

import numpy as np
import pytest

from bindscope.features.comparisons.schemas import ComparisonLine

MINI = {
    "name": "mini",
    "text": "name: mini\nconcepts:\n  color: [red, blue, green, yellow]\n  shape: [square, circle, star]\n",
}


@pytest.fixture(scope="module", autouse=True)
def mini(api):
    headers = {"Content-Type": "application/yaml"}
    assert api.post("/v1/spaces", content=MINI["text"], headers=headers).status_code == 201
    yield
    api.delete("/v1/spaces/mini")


def ask(api, path, **body):
    answer = api.post(f"/v1/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(api, path, **body):
    answer = api.post(f"/v1/{path}", json=body)
    assert answer.status_code in (404, 422), answer.text
    return answer.json()["detail"]


def retrieval(api, model, **options):
    return ask(api, "retrievals", model=model, space="mini", **{"k": 5, "queries": 60, **options})


@pytest.mark.parametrize("direction", ["text_to_image", "image_to_text"])
@pytest.mark.parametrize("distractors", ["swaps", "all"])
def test_a_model_that_binds_finds_the_right_scene_and_not_its_twin(api, direction, distractors):
    got = retrieval(api, "synthetic:product", direction=direction, distractors=distractors)
    assert got["recall"]["1"]["value"] > 0.95
    assert got["swapped_first"]["value"] == 0.0
    assert got["binding"]["says"] == "present"
    assert got["binding"]["forced_choice"]["value"] > 0.95
    assert set(got["recall"]) == {"1", "5"}
    assert got["gallery"] > got["queries"]


def test_a_bag_ties_between_twins_and_a_tie_is_never_found(api):
    got = retrieval(api, "synthetic:bag", direction="text_to_image")
    assert got["recall"]["1"]["value"] == 0.0
    assert got["undecided"]["value"] == 1.0
    assert got["binding"]["undecided"]["value"] == 1.0
    item = got["items"][0]
    assert item["right_score"] == pytest.approx(item["twin_score"])
    assert {result["twin"] for result in item["results"][:2]} == {True, False}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("objects", [2, 3])
@pytest.mark.parametrize("direction", ["text_to_image", "image_to_text", "text_to_text"])
def test_a_bag_puts_the_right_scene_before_its_twin_in_exactly_half(api, direction, objects, seed):
    got = retrieval(api, "synthetic:bag", direction=direction, objects=objects, queries=20, seed=seed)
    assert got["binding"]["forced_choice"]["value"] == pytest.approx(0.5, abs=1e-9)
    assert got["binding"]["says"] not in ("present", "weak", "below chance")


def test_who_loses_the_order_of_words_wins_half_though_pictures_differ(api):
    # Each caption ranks the pictures of a pair alike, whichever of the two it asks for.
    got = retrieval(api, "synthetic:order-blind", direction="text_to_image")
    assert got["binding"]["forced_choice"]["value"] == pytest.approx(0.5, abs=1e-9)
    assert got["binding"]["undecided"]["value"] < 0.5


def test_twins_stand_in_a_gallery_of_all_that_is_only_a_sample(api):
    body = {"space": "clevr2d", "distractors": "all", "limit": 10, "k": 2, "queries": 40}
    got = ask(api, "retrievals", model="synthetic:product", **body)
    n = got["binding"]["forced_choice"]["n"]
    assert n == got["recall"]["1"]["n"] > 10
    assert got["swapped_first"]["n"] == n


def test_captions_that_lose_the_order_of_words_are_undecided(api):
    got = retrieval(api, "synthetic:order-blind", direction="image_to_text")
    assert got["undecided"]["value"] == 1.0


def test_text_only_models_are_asked_about_captions_whatever_was_asked(api):
    got = retrieval(api, "bundled:all-minilm-l6-v2", direction="text_to_image", queries=10)
    assert got["direction"] == "text_to_text"
    assert got["swapped_first_chance"] == pytest.approx(2 / 3)
    assert got["binding"]["forced_choice"]["n"] > 3
    for item in got["items"]:
        assert item["text"] not in [result["text"] for result in item["results"]]
        assert item["twin_score"] is not None


def test_the_same_retrieval_is_kept_and_failures_come_first(api):
    first, again = (retrieval(api, "bundled:tiny-bag", direction="text_to_image") for _ in range(2))
    assert again["cached"]
    ranks = [item["rank"] for item in first["items"]]
    assert ranks == sorted(ranks, reverse=True)
    assert first["recall"]["1"]["n"] <= first["queries"]
    assert first["swapped_first_chance"] == 0.5


def test_an_approximate_search_says_what_it_finds_or_what_it_lacks(api):
    body = {"model": "synthetic:additive", "space": "mini", "approximate": True, "k": 5, "queries": 20}
    answer = api.post("/v1/retrievals", json=body)
    try:
        import faiss  # noqa: F401
    except ImportError:
        assert answer.status_code == 422
        assert "faiss" in answer.json()["detail"]
    else:
        assert answer.json()["approximate_recall"]["value"] > 0.8


def uploaded(api, model, keep=lambda scene: True):
    """The model's own vectors of all scenes of ``mini``, as another system would send them."""
    names = (["red", "blue", "green", "yellow"], ["square", "circle", "star"])
    objects = [(color, shape) for color in range(4) for shape in range(3)]
    scenes = [(a, b) for a in objects for b in objects if keep((a, b))]
    wire = [
        {"space": "mini", "objects": [{"values": {"color": names[0][c], "shape": names[1][s]}} for c, s in scene]}
        for scene in scenes
    ]
    vectors = np.array(ask(api, "embeddings", model=model, scenes=wire)["embeddings"], dtype=np.float32)
    file = io.BytesIO()
    np.savez(file, embeddings=vectors, scenes=np.array(scenes), values=np.array([4, 3]))
    answer = api.post("/v1/datasets", files={"file": ("mini.npz", file.getvalue(), "application/octet-stream")})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


@pytest.mark.parametrize("direction", ["text_to_image", "image_to_text"])
@pytest.mark.parametrize("distractors", ["swaps", "all"])
def test_an_upload_of_image_vectors_is_searched_by_captions_and_the_other_way_round(api, direction, distractors):
    options = {"direction": direction, "distractors": distractors, "dataset": uploaded(api, "bundled:tiny-bind")}
    got = retrieval(api, "bundled:tiny-bind", **options)
    assert got["recall"]["1"]["value"] > 0.9
    assert got["swapped_first"]["value"] < 0.1
    assert got["binding"]["says"] == "present"
    bag = retrieval(api, "synthetic:bag", direction=direction, dataset=uploaded(api, "synthetic:bag"))
    assert bag["undecided"]["value"] == 1.0
    assert bag["binding"]["forced_choice"]["value"] == pytest.approx(0.5)


@pytest.mark.parametrize("direction", ["text_to_image", "image_to_text"])
def test_an_upload_without_twins_has_no_score_and_says_so(api, direction):
    # Of each pair of twins only the one whose first colour comes with the lower shape.
    dataset = uploaded(api, "bundled:tiny-bind", keep=lambda s: (s[0][0] - s[1][0]) * (s[0][1] - s[1][1]) > 0)
    got = retrieval(api, "bundled:tiny-bind", direction=direction, dataset=dataset, k=1)
    assert got["binding"]["forced_choice"] is None
    assert got["binding"]["says"] == "too few"
    assert got["recall"]["1"]["value"] > 0.5


def test_an_upload_that_does_not_fit_the_model_or_the_space_is_refused(api):
    body = {"space": "mini", "queries": 10, "k": 2, "dataset": uploaded(api, "bundled:tiny-bind")}
    assert "the image vectors" in refused(api, "retrievals", model="synthetic:bag", **body)
    assert "make them alike" in refused(api, "retrievals", model="bundled:tiny-bind", **{**body, "space": "clevr2d"})
    assert "stands for pictures" in refused(
        api, "retrievals", model="bundled:tiny-bind", **body, direction="text_to_text"
    )
    assert refused(api, "retrievals", model="bundled:tiny-bind", **{**body, "dataset": "0" * 16})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"k": 1000}, "choose k from 1 to"),
        ({"space": "nowhere"}, "nowhere"),
        ({"model": "synthetic:none"}, "synthetic:none"),
        ({"template": "no place"}, "{}"),
        ({"space": "words", "model": "bundled:tiny-bag"}, "cannot be drawn"),
    ],
)
def test_a_retrieval_that_cannot_be_is_refused_with_a_sentence(api, change, words):
    body = {"model": "synthetic:bag", "space": "mini", "queries": 10, **change}
    assert words in refused(api, "retrievals", **body)


def test_captions_that_share_a_vector_are_found(api):
    got = ask(api, "near-duplicates", model="synthetic:order-blind", space="mini")
    assert got["total"] > 0
    assert got["pairs"][0]["swap"] is True
    assert got["pairs"][0]["cosine"] == pytest.approx(1.0)
    none = ask(api, "near-duplicates", model="synthetic:additive", space="mini")
    assert none["total"] == 0
    assert none["share"] == {"value": 0.0, "low": None, "high": None, "n": none["compared"]}
    assert none["compared"] == got["compared"] > 0


def test_pasted_captions_are_compared_at_a_chosen_cosine(api):
    texts = ["a red square", " a red square ", "a red circle", "a photo of a dog"]
    got = ask(api, "near-duplicates", model="bundled:all-minilm-l6-v2", texts=texts, min_cosine=0.0)
    assert got["captions"] == 3
    assert got["total"] == len(got["pairs"]) == 3
    assert [pair["swap"] for pair in got["pairs"]] == [None] * 3
    assert "at least two" in refused(api, "near-duplicates", model="synthetic:bag", texts=["one"])
    assert "either a space, a dataset or texts" in refused(api, "near-duplicates", model="synthetic:bag")


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


@pytest.fixture(scope="module")
def board(api):
    models = ["synthetic:bag", "synthetic:order-blind", "synthetic:additive", "bundled:tiny-bag"]
    return ask(api, "comparisons", models=models, space="clevr2d", count=60, limit=200)


def test_a_board_ranks_models_and_shows_its_controls(board):
    rows = {(row["model"], row["kind"]): row for row in board["rows"]}
    assert rows["synthetic:additive", "model"]["rank"] == 1
    assert rows["synthetic:additive", "model"]["standing"] == "above chance"
    assert rows["synthetic:bag", "model"]["undecided"]["value"] == 1.0
    twin, blind = rows["random:bundled:tiny-bag", "random"], rows["bundled:tiny-bag", "blind"]
    assert twin["rank"] is blind["rank"] is None
    assert blind["probes"] == {"image": None, "text": None}
    assert blind["binding"]["forced_choice"]["value"] == pytest.approx(0.5)
    assert "blank" in blind["missing"]["probes"]
    own = rows["synthetic:additive", "model"]
    assert own["probes"]["image"]["says"] == "present"
    assert own["r2"]["image"]["objects"] > own["r2"]["image"]["concepts"]
    assert len(board["pairs"]) == 6
    assert board["bags"]["image"] == own["binding"]["forced_choice"]["n"] >= 30


def test_models_at_chance_share_a_rank_and_one_that_only_ties_is_not_below_a_coin(board):
    rows = {row["model"]: row for row in board["rows"] if row["kind"] == "model"}
    even = [rows[name] for name in ("synthetic:bag", "synthetic:order-blind", "bundled:tiny-bag")]
    assert [row["standing"] for row in even] == ["not separable from chance"] * 3
    assert [row["rank"] for row in even] == [2, 2, 2]
    assert rows["synthetic:order-blind"]["binding"]["forced_choice"]["value"] == pytest.approx(0.5)
    apart = {(pair["first"], pair["second"]) for pair in board["pairs"] if pair["separate"]}
    assert apart == {(first, second) for first, second in apart if "synthetic:additive" in (first, second)}
    assert len(apart) == 3


def test_models_with_another_anchor_are_never_ranked_against_each_other(api):
    models = ["synthetic:additive", "bundled:all-minilm-l6-v2", "synthetic:bag"]
    got = ask(api, "comparisons", models=models, space="mini", count=60, limit=144)
    rows = {row["model"]: row for row in got["rows"] if row["kind"] == "model"}
    assert [rows[name]["anchor"] for name in models] == ["image", "text", "image"]
    assert rows["bundled:all-minilm-l6-v2"]["rank"] == 1
    assert {(pair["first"], pair["second"]) for pair in got["pairs"]} == {("synthetic:additive", "synthetic:bag")}
    assert set(got["bags"]) == {"image", "text"}
    assert rows["bundled:all-minilm-l6-v2"]["swap_accuracy_chance"] == pytest.approx(1 / 3)
    assert rows["synthetic:bag"]["swap_accuracy_chance"] == pytest.approx(1 / 2)


def test_fewer_than_thirty_bags_rank_nobody(api):
    got = ask(api, "comparisons", models=["synthetic:bag", "synthetic:additive"], space="mini", count=10, limit=144)
    assert got["bags"]["image"] < 30
    assert [row["rank"] for row in got["rows"]] == [1, 1]
    (pair,) = got["pairs"]
    assert (pair["p"], pair["adjusted"], pair["separate"]) == (None, None, False)
    assert pair["difference"]["value"] == pytest.approx(-0.5)


def test_a_model_named_twice_stands_once_on_the_board(api):
    got = ask(api, "comparisons", models=["synthetic:bag", "synthetic:bag"], space="mini", count=20, limit=144)
    assert [row["model"] for row in got["rows"]] == ["synthetic:bag"]
    assert got["pairs"] == []


def test_a_streamed_board_names_each_row_before_it_is_measured(api):
    body = {"models": ["synthetic:bag", "synthetic:product"], "space": "mini", "count": 20, "limit": 60}
    answer = api.post("/v1/comparisons", json=body, headers={"Accept": "application/x-ndjson"})
    lines = [ComparisonLine.model_validate_json(line) for line in answer.text.splitlines()]
    steps = [(line.progress.done, line.progress.total, line.progress.model) for line in lines[:-1]]
    assert steps == [(0, 2, "synthetic:bag"), (1, 2, "synthetic:product")]
    again = api.post("/v1/comparisons", json=body, headers={"Accept": "application/x-ndjson"})
    (line,) = again.text.splitlines()
    assert ComparisonLine.model_validate_json(line).result.rows == lines[-1].result.rows


def test_a_stream_that_can_not_begin_is_an_ordinary_problem(api):
    body = {"models": ["synthetic:none"], "space": "mini"}
    answer = api.post("/v1/comparisons", json=body, headers={"Accept": "application/x-ndjson"})
    assert answer.status_code == 404
    assert "synthetic:none" in answer.json()["detail"]


def test_a_gain_of_repair_stands_on_the_board_where_it_is_asked_for(api):
    got = ask(api, "comparisons", models=["synthetic:additive"], space="mini", count=10, limit=144, repair=True)
    row = got["rows"][0]
    assert (row["repair_gain"] is None) == ("repair_gain" in row["missing"])
    assert got["pairs"] == []


def test_disagreements_are_scenes_that_only_one_model_gets_right(api):
    got = ask(api, "disagreements", models=["synthetic:bag", "synthetic:additive"], space="mini", count=30, most=5)
    assert got["table"] == {"both": 0, "only_first": 0, "only_second": 30, "neither": 0}
    assert got["total"] == 30
    assert len(got["items"]) == 5
    assert got["items"][0]["outcomes"] == ["undecided", "binds"]
    assert got["difference"]["value"] == pytest.approx(-0.5)
    assert got["difference"]["n"] < 30
    assert got["p"] is None


def test_disagreements_are_tested_over_bags_and_not_across_anchors(api):
    got = ask(api, "disagreements", models=["synthetic:bag", "synthetic:additive"], space="clevr2d", count=80, most=1)
    assert got["difference"]["n"] >= 30
    assert got["p"] == pytest.approx(1e-4)
    models = ["synthetic:bag", "bundled:all-minilm-l6-v2"]
    other = ask(api, "disagreements", models=models, space="mini", count=30, most=1)
    assert other["difference"] is other["p"] is None
    assert sum(other["table"].values()) == 30


@pytest.mark.parametrize(
    ("path", "body", "words"),
    [
        ("comparisons", {"models": []}, "models"),
        ("comparisons", {"models": ["synthetic:none"]}, "synthetic:none"),
        ("comparisons", {"models": ["bundled:tiny-bag"], "space": "words"}, "cannot be drawn"),
        ("disagreements", {"models": ["synthetic:bag"]}, "models"),
        ("disagreements", {"models": ["synthetic:bag", "synthetic:bag"], "space": "mini"}, "itself"),
    ],
)
def test_a_comparison_that_cannot_be_is_refused(api, path, body, words):
    answer = api.post(f"/v1/{path}", json=body)
    assert answer.status_code in (404, 422)
    assert words in answer.text
