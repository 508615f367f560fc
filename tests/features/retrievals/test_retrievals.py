import pytest

from mini_space import ask, refused, uploaded

pytestmark = pytest.mark.usefixtures("mini")


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
