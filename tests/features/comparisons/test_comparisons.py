import pytest

from bindscope.features.comparisons.schemas import ComparisonLine
from mini_space import ask

pytestmark = pytest.mark.usefixtures("mini")


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
