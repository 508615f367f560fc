import io

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from bindscope.client import BindscopeClient
from page_runs import html_of, opened, query_of

pytestmark = pytest.mark.usefixtures("mini")

_RUN = 60
SCENE = "mini~~red~square~~blue~circle"


@pytest.fixture(autouse=True)
def _fresh(service_url, monkeypatch):
    monkeypatch.setenv("BINDSCOPE_API_URL", service_url)
    st.cache_data.clear()
    st.cache_resource.clear()


def dataset(url: str) -> str:
    rng = np.random.default_rng(0)
    scenes = rng.integers(0, (4, 3), (400, 2, 2))
    codes = rng.standard_normal((12, 30)).astype(np.float32)
    file = io.BytesIO()
    np.savez(file, embeddings=codes[scenes[..., 0] * 3 + scenes[..., 1]].sum(1), scenes=scenes, values=np.array([4, 3]))
    with BindscopeClient(url) as client:
        return client.add_dataset(file.getvalue()).id


def test_probe_shows_both_probes_the_verdict_and_their_story():
    page = opened("probe", model="synthetic:product", space="mini")
    shown = html_of(page)
    for text in ("Image probe", "Text probe", "Contest of captions", "There, and shared", "chance 50 %"):
        assert text in shown
    assert "regularisation" in shown
    assert len(page.get("plotly_chart")) == 2 + 4
    assert query_of(page) == {"model": "synthetic:product", "space": "mini"}


def test_a_bag_shows_no_binding_on_probe():
    page = opened("probe", model="synthetic:bag", space="mini", seed="3")
    shown = html_of(page)
    assert "at most 50 % without binding" in shown
    assert "the binding is there" not in shown
    assert page.number_input(key="probe.seed").value == 3


def test_random_weights_are_a_control_and_in_the_link():
    page = opened("probe", model="bundled:tiny-bind", space="mini")
    assert "against random weights" not in " ".join(caption.value for caption in page.caption)
    page.toggle(key="probe.twins").set_value(True).run()
    assert not page.exception
    assert "random weights reach" in " ".join(caption.value for caption in page.caption)
    assert query_of(page)["twins"] == "3"


def test_an_oracle_has_no_random_weights_and_the_page_says_so():
    page = opened("probe", model="synthetic:product", space="mini", twins="1")
    assert "No random-weights twin" in " ".join(caption.value for caption in page.caption)


def test_a_card_without_a_number_says_why():
    script = (
        "from bindscope_dashboard.pages.probes import findings as probe_findings\n"
        "probe_findings.show({}, {'image': 'This model reads text only.'}, 'The model is not there.')"
    )
    page = AppTest.from_string(script).run()
    assert not page.exception
    for text in ("This model reads text only.", "Not measured.", "The model is not there."):
        assert text in html_of(page)


def test_an_upload_is_probed_in_place_of_a_model(service_url):
    page = opened("probe", model="synthetic:bag", space="mini", dataset=dataset(service_url))
    shown = html_of(page)
    assert "Probe of the upload" in shown
    assert "reads from these vectors" in shown
    assert "An upload holds one set of vectors" in shown
    page.selectbox(key="probe.dataset").select("").run()
    assert "Image probe" in html_of(page)
    assert "dataset" not in query_of(page)


def test_a_file_that_is_no_dataset_is_explained_and_a_good_one_is_chosen(service_url):
    page = opened("probe", model="synthetic:bag", space="mini")
    page.file_uploader[0].upload("notes.npz", b"no archive", "application/octet-stream").run()
    assert not page.exception
    assert page.error
    file = io.BytesIO()
    rng = np.random.default_rng(1)
    scenes = rng.integers(0, 2, (60, 2, 2))
    np.savez(file, embeddings=rng.standard_normal((60, 4)), scenes=scenes, values=np.array([2, 2]))
    page.file_uploader[0].upload("world.npz", file.getvalue(), "application/octet-stream").run()
    assert not page.exception
    assert len(query_of(page)["dataset"]) == 16
    with BindscopeClient(service_url) as client:
        client.delete_dataset(query_of(page)["dataset"])


def test_an_upload_that_is_gone_is_explained_in_its_card():
    page = opened("probe", model="synthetic:bag", space="mini", dataset="0" * 16)
    assert "Probe of the upload" in html_of(page)
    assert "0000000000000000" in html_of(page)


def test_decompose_shows_r2_by_estimator_and_the_shares_of_a_scene():
    page = opened("decompose", model="synthetic:additive", scene=SCENE)
    shown = html_of(page)
    for text in ("Held-out R²", "Rebuilt vectors", "this model has no twin", "least squares by place", "residual"):
        assert text in shown
    assert query_of(page)["scene"].startswith("mini~~red~square~")
    before = query_of(page)["scene"]
    page.button(key="decompose.random").click().run()
    assert not page.exception
    assert query_of(page)["scene"] != before


def test_another_value_changes_the_scene_and_its_link():
    page = opened("decompose", model="synthetic:bag", scene=SCENE, level="2", modality="text")
    assert page.segmented_control(key="decompose.level").value == 2
    picker = next(s for s in page.selectbox if s.label == "Left color")
    picker.select("yellow").run()
    assert not page.exception
    assert query_of(page)["scene"].startswith("mini~~yellow~square~")
    assert query_of(page)["modality"] == "text"
    page.selectbox(key="decompose.space").select("other").run()
    assert not page.exception
    assert query_of(page)["scene"].startswith("other~~")


def test_interventions_shows_where_the_edited_vector_lands():
    page = opened("interventions", model="synthetic:product", scene=SCENE, object="1", replacement="green~square")
    shown = html_of(page)
    for text in ("Original", "Wanted", "Nearest real scene", "Lands on the wanted scene", "a green square and a blue"):
        assert text in shown
    assert "before the edit" in shown
    assert query_of(page)["replacement"] == "green~square"


def test_the_same_object_again_asks_for_another():
    page = opened("interventions", model="synthetic:product", scene=SCENE, object="1", replacement="red~square")
    assert "choose another value" in page.info[0].value
    page.button(key="interventions.random").click().run()
    assert not page.exception
    assert not page.info
    assert "Nearest real scene" in html_of(page)


def test_edits_and_removal_run_on_demand_and_are_in_the_link():
    page = opened("interventions", model="synthetic:additive", scene=SCENE, modality="text")
    assert "Published procedure" not in html_of(page)
    page.button(key="interventions.run.edits").click().run()
    page.button(key="interventions.run.removal").click().run()
    assert not page.exception
    shown = html_of(page)
    for text in ("Edited vectors", "Published procedure", "Stay at the original", "random dimensions", "chance"):
        assert text in shown
    assert query_of(page)["edits"] == query_of(page)["removal"] == "1"
    page.selectbox(key="interventions.estimator").select("lstsq").run()
    assert "edits" not in query_of(page)
    assert query_of(page)["removal"] == "1"


@pytest.mark.parametrize(
    ("name", "query", "part"),
    [
        ("probe", {"space": "mars"}, "mars"),
        ("decompose", {"scene": "mini~~red~square"}, "2 objects"),
        ("interventions", {"replacement": "red"}, "needs 2 values"),
    ],
)
def test_a_broken_link_is_explained_and_the_page_stays_as_it_was(name, query, part):
    page = opened(name, model="synthetic:bag", space="mini", scene=SCENE)
    before = query_of(page)
    for key, value in query.items():
        page.query_params[key] = value
    page.run()
    assert not page.exception
    assert part in page.warning[0].value.replace("\\", "")
    assert query_of(page) == before


@pytest.mark.parametrize("name", ["probe", "decompose", "interventions"])
def test_an_unknown_model_is_explained(name):
    page = opened(name, model="synthetic:nothing", scene=SCENE, space="mini")
    told = html_of(page) + " ".join(e.value for e in page.error)
    assert "synthetic:nothing" in told.replace("\\", "")


@pytest.mark.parametrize("name", ["probe", "decompose", "interventions"])
def test_every_page_explains_a_missing_service(name, monkeypatch):
    monkeypatch.setenv("BINDSCOPE_API_URL", "http://127.0.0.1:9")
    page = opened(name)
    assert page.code[0].value == "bindscope serve"


@pytest.mark.parametrize(("name", "path"), [("probe", "/v1/probes"), ("decompose", "/v1/decompositions"),
                                            ("interventions", "/v1/interventions/edit")])  # fmt: skip
def test_the_request_is_offered_as_curl_and_as_python(name, path):
    page = opened(name, model="synthetic:additive", space="mini", scene=SCENE)
    assert any("curl" in block.value and path in block.value for block in page.code)
    page.segmented_control(key=f"{name}.share.form").set_value("Python").run()
    assert any("BindscopeClient" in block.value for block in page.code)
