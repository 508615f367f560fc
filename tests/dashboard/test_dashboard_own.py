"""What people bring, in the page: plain functions first, then each page in Streamlit's own test runner."""

import json

import pytest
import yaml

from bindscope.client import BindscopeClient
from bindscope.client.bundles import Bundle
from bindscope.core.errors import InvalidInput
from bindscope.features.caption_tests.schemas import CaptionTestRow
from bindscope.features.datasets.schemas import DatasetModel
from bindscope.scenes.concepts import ConceptSpace, space_from_mapping
from bindscope.scenes.wire import PlacedObject, SceneModel
from bindscope_dashboard.pages.caption_tests import page as caption_tests
from bindscope_dashboard.pages.datasets import forms as data_forms
from bindscope_dashboard.pages.photos.state import PhotoState
from bindscope_dashboard.pages.verdicts import tour
from bindscope_dashboard.shared import ask, links, model_checks, own_data, service
from own_data import PAIRS, picture_zip
from page_runs import html_of, opened, query_of, script_of

ID = "0123456789abcdef"
SPACE = space_from_mapping({"name": "toy", "concepts": {"color": ["red", "blue"], "shape": ["square", "circle"]}})


def upload(**changes) -> DatasetModel:
    shape = {
        "scenes": 4,
        "dim": 0,
        "concepts": 2,
        "objects_per_scene": 2,
        "values": [2, 2],
        "names": ["color", "shape"],
    }
    return DatasetModel(**{"id": ID, **shape, "kind": "pictures", "space": "toy", **changes})


def test_an_upload_stands_for_a_space_and_takes_its_place_in_requests() -> None:
    spaces = own_data.as_spaces([upload()], {"toy": SPACE})
    (name,) = spaces
    assert own_data.dataset_of(name) == ID
    assert own_data.has_pictures(spaces[name])
    assert not own_data.has_pictures(own_data.as_spaces([upload(kind="vectors")], {"toy": SPACE})[f"vectors-{ID}"])
    survey = own_data.sent({"model": "m", "space": name, "count": 5, "objects": 2, "layout": "random"})
    assert survey == {"model": "m", "dataset": ID, "count": 5}
    source = {"model": "m", "space": name, "modality": "image", "limit": 9}
    assert own_data.sent({"source": source})["source"] == {"model": "m", "dataset": ID, "modality": "image"}
    scene = {"space": name, "objects": [{"values": {"color": "red"}, "x": 0.3, "y": 0.5}]}
    assert own_data.sent({"scene": scene})["scene"] == {"dataset": ID, "objects": [{"values": {"color": "red"}}]}


@pytest.mark.parametrize(
    "body", [{"model": "m", "space": "shapes2d", "objects": 2}, {"source": {"dataset": ID}}, {"texts": []}]
)
def test_other_requests_are_sent_as_they_are(body) -> None:
    assert own_data.sent(body) == body


def test_a_found_scene_is_carried_by_its_upload() -> None:
    scene = SceneModel(space="toy", objects=[PlacedObject(values={"color": "red"})], dataset=ID, row=3)
    assert own_data.shown(scene).space == f"data-{ID}"
    assert own_data.shown(own_data.shown(scene)) == own_data.shown(scene)


def test_the_form_of_a_space_is_its_yaml_and_its_words() -> None:
    text = data_forms.space_text(
        "shop",
        data_forms.EXAMPLE_ROWS,
        phrase=data_forms.EXAMPLE_PHRASE,
        articles="scissors: a pair of",
        templates="a photo of {}",
    )
    assert yaml.safe_load(text)["articles"] == {"scissors": "a pair of"}
    space, caption = data_forms.example_of(text)
    assert isinstance(space, ConceptSpace)
    assert caption == "a red shoe and a pair of green scissors"
    assert "an orange shoe" in data_forms.example_of(text.replace("- red", "- orange"))[1]


@pytest.mark.parametrize(
    ("rows", "articles", "part"),
    [
        (({"concept": "", "values": "a, b"},), "", "a name of its own"),
        (({"concept": "c", "values": "a"},), "", "at least two values"),
        (({"concept": "c", "values": "a, b"},), "scissors", "value: article"),
        (({"concept": "c", "values": "a, b"},), "x: the", "no value of space"),
    ],
)
def test_a_form_that_means_nothing_says_what_is_wrong(rows, articles, part) -> None:
    def read():
        phrase = "{article} {c}"
        return data_forms.example_of(data_forms.space_text("x", rows, phrase=phrase, articles=articles, templates=""))

    with pytest.raises(InvalidInput, match=part):
        read()


def test_a_photo_link_holds_captions_and_models() -> None:
    shown = PhotoState.of(caption="a red cat and a blue dog", other="other", model="m")
    assert links.state_of(links.query_of(shown, {}), PhotoState.of(caption="x", model="x", second="y"), {}) == shown


def test_the_worst_state_is_the_badge() -> None:
    assert model_checks.worst(["passed", "failed"])[1] == "Check failed"
    assert model_checks.worst(["passed", None])[1] == "Not checked yet"
    assert model_checks.worst(["passed"])[1] == "Checked"
    assert model_checks.models_in({"model": "a", "second": "none", "models": "b,c"}) == ["a", "b", "c"]


def test_rows_of_a_test_are_drawn_with_what_needs_no_picture() -> None:
    share = {"value": 0.5, "low": 0.3, "high": 0.7, "n": 10}
    row = CaptionTestRow(name="swap_att", kind="split", accuracy=share, undecided=share, blind=share)
    figure = caption_tests.rows_figure([row])
    assert list(figure.data[0].x) == [0.5]
    assert "without the picture 50 %" in caption_tests.rows_text([row])
    assert caption_tests.rows_csv([row]).splitlines()[1] == "swap_att,split,text,0.5,0.3,0.7,10"


@pytest.fixture(scope="module", autouse=True)
def address(service_url):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BINDSCOPE_API_URL", service_url)
        yield


@pytest.fixture(scope="module")
def photos(service_url):
    with BindscopeClient(service_url) as client:
        added = client.add_dataset(picture_zip(PAIRS[:60]), filename="photos.zip")
    service.forget()
    return added


def test_an_empty_data_page_says_what_to_do_and_each_part_has_a_link() -> None:
    page = opened("data")
    assert any("Drop a file above" in info.value for info in page.info)
    page = opened("data", tab="spaces")
    assert any("a pair of green scissors" in m.value for m in page.markdown)
    assert query_of(page) == {"tab": "spaces"}
    page = opened("data", tab="texts")
    assert not page.error


def test_your_data_are_listed_with_pictures_and_can_be_taken_away(photos, service_url) -> None:
    page = opened("data", tab="yours")
    assert "data:image/png" in html_of(page)
    with BindscopeClient(service_url) as client:
        gone = client.add_dataset(picture_zip(PAIRS[60:80]), filename="gone.zip")
    service.forget()
    page = opened("data", tab="yours")
    page.button(key=f"data.delete.{gone.id}").click().run()
    page.button(key=f"data.sure.{gone.id}").click().run()
    with BindscopeClient(service_url) as client:
        assert gone.id not in {one.id for one in client.datasets()}


def test_a_survey_of_own_pictures_opens_from_its_link(photos) -> None:
    page = opened("survey", model="synthetic:additive", space=own_data.name_of(photos.id), count="40", run="1")
    assert not page.error
    assert query_of(page)["space"] == own_data.name_of(photos.id)
    assert "over" in html_of(page)


def test_a_photo_page_offers_the_exchanged_caption() -> None:
    page = opened("photo", caption="a red shoe and a blue bag")
    assert page.text_input(key="photo.other").proto.placeholder == "a blue shoe and a red bag"
    assert any("Drop a photo" in info.value for info in page.info)
    page = opened("photo", caption="a dog")
    assert any("no two things" in caption.value for caption in page.caption)


def test_a_tests_page_says_what_it_reads() -> None:
    page = opened("tests", model="bundled:tiny-bag")
    assert query_of(page) == {"model": "bundled:tiny-bag"}
    assert any("tie is never right" in info.value for info in page.info)


def test_the_tour_goes_on_back_and_ends(monkeypatch) -> None:
    page = opened("compose")
    assert any("1 of 4" in m.value for m in page.markdown)
    page.button(key="tour.next").click().run()
    page.button(key="tour.back").click().run()
    assert any("1 of 4" in m.value for m in page.markdown)
    page.button(key="tour.skip").click().run()
    assert not any("of 4" in m.value for m in page.markdown)
    assert len(tour.STEPS) == 4


def test_a_link_starts_no_tour() -> None:
    page = opened("compose", model="synthetic:bag", second="none")
    assert not any("1 of 4" in m.value for m in page.markdown)


def test_an_open_bundle_answers_in_place_of_the_service(mini) -> None:
    from streamlit.testing.v1 import AppTest

    first = opened("probe", model="synthetic:bag", space="mini")
    noted = first.session_state["bundle.noted"]
    assert [name for name in noted if name.startswith("Probe")], html_of(first)
    answers = {
        name: answer.model_dump_json().encode() for name, answer in noted.items() if not isinstance(answer, bytes)
    }
    marked = {name: json.dumps({**json.loads(text), "test_scenes": 4321}).encode() if name.startswith("Probe") else text
              for name, text in answers.items()}  # fmt: skip
    bundle = Bundle("probe", {"model": "synthetic:bag", "space": "mini"}, "2026-01-01", "9.9", [], [], marked)
    page = AppTest.from_string(script_of("probe"), default_timeout=60)
    page.session_state["bundle"] = bundle
    page.query_params["model"], page.query_params["space"] = "synthetic:bag", "mini"
    page.run()
    assert not page.exception
    assert "4321" in html_of(page)


def test_a_bundle_can_be_looked_at_where_no_service_answers(mini, monkeypatch) -> None:
    from streamlit.testing.v1 import AppTest

    first = opened("probe", model="synthetic:bag", space="mini")
    noted = first.session_state["bundle.noted"]
    held = {name: a if isinstance(a, bytes) else a.model_dump_json().encode() for name, a in noted.items()}
    query = {"model": "synthetic:bag", "space": "mini"}
    models, spaces = service.models(), service._wire_spaces(ask.url())
    bundle = Bundle("probe", query, "2026-01-01", "9.9", models, spaces, held)
    monkeypatch.setenv("BINDSCOPE_API_URL", "http://127.0.0.1:9")
    page = AppTest.from_string(script_of("probe"), default_timeout=60)
    page.session_state["bundle"] = bundle
    for name, value in query.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    assert not [error for error in page.error if "No Bindscope service" in error.value]
    assert "Provenance" in html_of(page) or page.dataframe or page.expander


def test_compose_starts_anew_where_its_space_has_gone(mini) -> None:
    page = opened("compose")
    shown = page.session_state["compose"]
    page.session_state["compose"] = shown.changed(scene=shown.scene.model_copy(update={"space": "no-longer-here"}))
    page.run()
    assert not page.exception
    assert "no-longer-here" in page.info[0].value
    assert page.session_state["compose"].scene.space in service.spaces()


def test_the_page_takes_uploads_as_large_as_the_service_does(monkeypatch) -> None:
    from bindscope.core.config import Settings
    from bindscope_dashboard.launch import command

    monkeypatch.delenv("BINDSCOPE_MAX_UPLOAD_MB", raising=False)
    assert f"--server.maxUploadSize={Settings(_env_file=None).max_upload_mb}" in command()
    monkeypatch.setenv("BINDSCOPE_MAX_UPLOAD_MB", "64")
    assert "--server.maxUploadSize=64" in command()


def test_the_runs_of_an_installation_can_be_taken_away_as_a_file() -> None:
    from bindscope.features.trainings.schemas import TrainingRun
    from bindscope_dashboard.pages.trainings.history import runs_csv

    run = TrainingRun(
        model="controlled:a",
        run="a",
        config={"space": "grid-2x8", "coverage": 0.5, "seed": 3},
        unseen_object=0.123456,
        seen_object=None,
    )
    assert runs_csv([run]).splitlines()[1] == "controlled:a,grid-2x8,0.5,3,,,,0,,0.123456"
