import json

import pytest
import streamlit as st

import turned_world
from bindscope.client import BindscopeClient
from page_runs import html_of, opened, query_of

pytestmark = pytest.mark.usefixtures("mini")

SCENE = "mini~~red~square~~blue~circle"


@pytest.fixture(autouse=True)
def _fresh(service_url, monkeypatch):
    monkeypatch.setenv("BINDSCOPE_API_URL", service_url)
    st.cache_data.clear()
    st.cache_resource.clear()


def said(page):
    boxes = [*page.error, *page.warning, *page.info, *page.success, *page.caption, *page.markdown, *page.subheader]
    return " ".join([html_of(page), *(box.value for box in boxes)]).replace("\\", "")


def test_retrieve_shows_what_each_query_finds_with_the_twin_marked():
    page = opened("retrieve", model="synthetic:bag", space="mini", queries="30")
    shown = said(page)
    assert "It cannot tell them apart" in shown
    assert "⇄ twin" in shown
    assert "✓ right" in shown
    assert "data:image/png;base64," in shown
    assert len(page.get("plotly_chart")) == 1
    assert query_of(page) == {"model": "synthetic:bag", "space": "mini", "queries": "30"}


def test_a_model_that_finds_everything_says_so_and_has_no_near_duplicates():
    page = opened("retrieve", model="synthetic:additive", space="mini", queries="100", direction="image_to_text")
    shown = said(page)
    assert "It finds the right scene" in shown
    assert "none is at a cosine" in shown
    assert page.segmented_control(key="retrieve.which").value == "all"


def test_a_text_model_is_searched_by_captions_on_retrieve():
    page = opened("retrieve", model="bundled:all-minilm-l6-v2", space="mini", queries="10")
    assert page.segmented_control(key="retrieve.direction").value == "text_to_text"
    assert "a red" in said(page)


def test_captions_of_the_readers_own_are_compared():
    page = opened("retrieve", model="synthetic:order-blind", space="mini", queries="10")
    typed = "a red square and a blue circle\na blue square and a red circle"
    page.text_area(key="retrieve.pasted").set_value(typed).run()
    assert not page.exception
    shown = said(page)
    assert "1 pair of 1" in shown
    assert "a blue square and a red circle" in shown


@pytest.fixture(scope="module")
def turned(service_url):
    with BindscopeClient(service_url) as client:
        client.add_space(json.dumps(turned_world.space("turned")))
        upload = turned_world.upload(client.space_texts("turned"))
        found = client.add_dataset(upload, space="turned", filename="both.npz")
    return {"model": f"precomputed:{found.id}", "space": f"vectors-{found.id}"}


def test_repair_waits_for_its_button_then_shows_gain_costs_and_the_file(turned):
    page = opened("repair", **turned)
    assert "Press Repair" in said(page)
    page.button(key="repair.run").click().run()
    assert not page.exception
    shown = said(page)
    for text in ("True before swapped", "chance 50 %", "Repaired", "Ordinary recall@1", "means removed (free)"):
        assert text in shown
    for text in ("no object familiar to the map", "As a model on every page: repaired:", "unseen objects"):
        assert text in shown
    assert query_of(page)["run"] == "1"
    assert "import numpy as np" in page.code[-1].value


def test_the_slider_of_a_repair_is_kept_in_the_link(turned):
    page = opened("repair", **turned, run="1", tenths="5")
    assert "At t = 0.5" in said(page)
    assert query_of(page)["tenths"] == "5"


def test_where_no_map_is_kept_none_is_offered():
    page = opened("repair", model="synthetic:bag", space="shapes2d", limit="700", run="1")
    shown = said(page)
    assert "No repair found" in shown
    assert "no map can bring back" in shown
    for text in ("As a model on every page", "Take it along", "repaired:"):
        assert text not in shown
    assert not page.get("download_button") or "Map (.npz)" not in [box.label for box in page.get("download_button")]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"model": "bundled:all-minilm-l6-v2", "space": "mini"}, "needs both"),
        ({"model": "synthetic:additive", "space": "mini"}, "at least 20 sets of values"),
    ],
)
def test_a_repair_that_cannot_be_says_why(query, words):
    page = opened("repair", **query, run="1")
    assert words in said(page)


@pytest.mark.parametrize(("method", "dims"), [("pca", "2"), ("mds", "3")])
def test_a_map_is_drawn_and_its_link_reopens_it(method, dims):
    page = opened("map", model="synthetic:bag", space="mini", method=method, dims=dims, color="verdict")
    assert len(page.get("plotly_chart")) == 1
    assert "144 scenes" in said(page)
    query = query_of(page)
    assert query["color"] == "verdict"
    assert query.get("method", "pca") == method
    assert query.get("dims", "2") == dims


def test_the_composed_scene_and_its_twin_are_put_on_the_map():
    page = opened("map", model="synthetic:additive", space="mini", scene=SCENE)
    assert page.checkbox(key="map.composed").value
    assert query_of(page)["scene"].startswith("mini~~red~square")


def test_a_board_ranks_models_and_shows_where_two_differ():
    page = opened("compare", models="synthetic:bag synthetic:additive", space="clevr2d", count="60")
    shown = said(page)
    assert "synthetic:additive leads" in shown
    assert "not separable from chance" in shown
    assert "only synthetic:additive in 60" in shown
    assert "≈ undecided" in shown
    assert query_of(page) == {"models": "synthetic:bag synthetic:additive", "space": "clevr2d", "count": "60"}


def test_too_few_scenes_rank_nobody_and_the_page_says_so():
    page = opened("compare", models="synthetic:bag synthetic:additive", space="mini", count="10")
    shown = said(page)
    assert "No difference shown" in shown
    assert "no ranks are claimed" in shown


def test_text_only_models_stand_in_a_table_of_their_own():
    page = opened("compare", models="synthetic:additive bundled:all-minilm-l6-v2", space="mini", count="20")
    shown = said(page)
    assert "Pictures and captions" in shown
    assert "Captions only" in shown
    assert shown.count("Add another model to compare") == 2
    assert "the figures not compared" in shown


def test_a_single_model_on_the_board_asks_for_another():
    page = opened("compare", models="synthetic:bag", space="mini", count="10")
    assert "Add another model to compare" in said(page)


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("retrieve", {"direction": "sideways"}),
        ("repair", {"percent": "0"}),
        ("map", {"color": "mood"}),
        ("compare", {"pair": "3-3", "models": "synthetic:bag synthetic:additive"}),
    ],
)
def test_a_link_that_cannot_be_read_says_so_and_shows_the_page(name, query):
    page = opened(name, space="mini", **query)
    assert "This link cannot be read" in page.warning[0].value
