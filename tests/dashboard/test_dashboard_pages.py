import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from bindscope_dashboard import launch
from page_runs import script_of

APP = str(launch.APP)
_RUN = 60


@pytest.fixture(autouse=True)
def _no_cache_between_tests():
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def app(service_url, monkeypatch):
    monkeypatch.setenv("BINDSCOPE_API_URL", service_url)
    return AppTest.from_file(APP, default_timeout=_RUN)


@pytest.fixture
def lonely_app(monkeypatch):
    monkeypatch.setenv("BINDSCOPE_API_URL", "http://127.0.0.1:9")
    return AppTest.from_file(APP, default_timeout=_RUN)


def html_of(app: AppTest) -> str:
    return " ".join(element.proto.body for element in app.get("html"))


def said(element) -> str:
    return element.value.replace("\\", "")


def query_of(app: AppTest) -> dict[str, str]:
    return {name: values[0] if isinstance(values, list) else values for name, values in app.query_params.items()}


def compose(app: AppTest, **query: str) -> AppTest:
    for name, value in {"model": "synthetic:bag", "second": "none", **query}.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def test_compose_shows_a_verdict_in_words_and_writes_its_link(app):
    compose(app)
    assert app.title[0].value == "Compose"
    assert "Bag of concepts" in html_of(app)
    assert "What the model sees" in html_of(app)
    assert "CPU, float32" in html_of(app)
    assert query_of(app)["scene"] == "shapes2d~~red~square~0.28~0.5~0.3~~blue~circle~0.72~0.5~0.3"


def test_two_models_stand_side_by_side(app):
    compose(app, second="synthetic:product")
    assert "synthetic:bag" in html_of(app)
    assert "synthetic:product" in html_of(app)
    assert ">Binds<" in html_of(app)


def test_a_link_with_a_scene_opens_that_scene(app):
    compose(app, scene="shapes2d~~pink~star~0.5~0.5~0.3", template="photo", orders="given")
    assert "pink star" in html_of(app)
    assert query_of(app)["template"] == "photo"
    assert app.selectbox(key="compose.template").value == "photo"


def test_a_broken_link_is_explained_and_the_page_still_works(app):
    compose(app, scene="shapes2d~~red~square~0.5~0.5~0.3~~blue~circle~0.5~0.5~0.3")
    assert "overlap" in said(app.warning[0])
    assert "Bag of concepts" in html_of(app)


def test_an_unknown_model_is_explained_in_its_card(app):
    compose(app, model="synthetic:nothing")
    assert "synthetic:nothing" in said(app.warning[0])
    assert "synthetic:product" in said(app.warning[0])


def test_a_random_scene_replaces_the_scene_and_the_link(app):
    compose(app)
    before = query_of(app)["scene"]
    app.button(key="compose.random-scene").click().run()
    assert not app.exception
    assert query_of(app)["scene"] != before


def test_guess_first_hides_the_verdict_until_the_guess(app):
    compose(app, model="synthetic:product", guess="1")
    assert ">Binds<" not in html_of(app)
    app.button(key="compose.guess.0.binds").click().run()
    assert ">Binds<" in html_of(app)
    assert app.success[0].value.startswith("Right")
    assert any("1 of 1 guesses right" in c.value for c in app.caption)


def test_break_it_shows_the_smallest_edit_or_says_that_it_held(app):
    compose(app, model="synthetic:product")
    app.button(key="compose.break.0").click().run()
    assert not app.exception
    assert any("It held" in m.value or "Broken" in m.value for m in app.markdown)


def test_failing_scenes_are_found_on_demand_and_opened(app):
    compose(app)
    assert not [b for b in app.button if str(b.key).startswith("compose.failing")]
    app.button(key="compose.find-failing").click().run()
    before = query_of(app)["scene"]
    app.button(key="compose.failing.1").click().run()
    assert not app.exception
    assert query_of(app)["scene"] != before


def test_a_space_without_pictures_gets_pickers(app):
    compose(app, model="synthetic:product")
    app.selectbox(key="compose.space").select("words").run()
    assert not app.exception
    app.button(key="compose.add").click().run()
    assert query_of(app)["scene"].count("~~") == 3
    app.button(key="compose.drop.0").click().run()
    app.button(key="compose.up.1").click().run()
    assert not app.exception
    assert query_of(app)["scene"].count("~~") == 2


def test_an_own_template_reaches_the_captions_and_a_wrong_one_is_explained(app):
    compose(app)
    app.selectbox(key="compose.template").select("own text").run()
    app.text_input(key="compose.own").set_value("a sketch of {}").run()
    assert query_of(app)["template"] == "a sketch of {}"
    app.text_input(key="compose.own").set_value("no place").run()
    assert not app.exception
    assert "must hold one {}" in said(app.warning[0])
    assert query_of(app)["template"] == "a sketch of {}"


def test_the_request_is_offered_as_curl_and_as_python(app):
    compose(app)
    assert any("curl" in block.value and "/v1/verdicts" in block.value for block in app.code)
    app.segmented_control(key="compose.share.form").set_value("Python").run()
    assert any("BindscopeClient" in block.value for block in app.code)


def survey(app: AppTest, **query: str) -> AppTest:
    page = AppTest.from_string(script_of("survey"), default_timeout=_RUN)
    for name, value in {"model": "synthetic:order-blind", "count": "40", **query}.items():
        page.query_params[name] = value
    page.run()
    assert not page.exception
    return page


def test_a_survey_runs_and_shows_accuracy_recognition_and_atlas(app):
    page = survey(app)
    assert "Binding score" not in html_of(page)
    page.button(key="survey.run").click().run()
    assert not page.exception
    assert "Binding score" in html_of(page)
    assert "CPU, float32" in html_of(page)
    assert query_of(page)["run"] == "1"
    assert page.selectbox(key="survey.pair.color").options
    assert page.get("plotly_chart")


def test_a_survey_link_shows_its_results_at_once(app):
    page = survey(app, run="1", model="synthetic:product", objects="3", layout="slots", seed="7")
    assert "Binding score" in html_of(page)
    assert page.segmented_control(key="survey.layout").value == "slots"
    assert query_of(page)["objects"] == "3"


def test_other_settings_wait_for_run(app):
    page = survey(app, run="1")
    page.number_input(key="survey.seed").set_value(3).run()
    assert "Binding score" not in html_of(page)
    assert "run" not in query_of(page)
    page.number_input(key="survey.seed").set_value(0).run()
    assert "Binding score" in html_of(page)


def test_the_atlas_asks_for_as_many_scenes_as_it_needs(app, mini):
    page = survey(app, run="1", space="mini", model="synthetic:additive", count="30")
    button = page.button(key="survey.enough")
    button.click().run()
    assert not page.exception
    count = page.number_input(key="survey.count").value
    assert f"({count:,})" in button.label
    assert count > 30
    assert query_of(page)["count"] == str(count)
    assert f">{count}<" in html_of(page)


def test_a_broken_survey_link_is_explained(app):
    page = survey(app, count="many")
    assert "count: Input should be a valid integer" in said(page.warning[0])


def test_a_survey_of_a_model_that_cannot_is_explained(app):
    page = survey(app, model="synthetic:nothing", run="1")
    assert "synthetic:nothing" in said(page.error[0])


def test_system_lists_models_device_store_and_versions(app):
    page = AppTest.from_string(script_of("system"), default_timeout=_RUN).run()
    assert not page.exception
    for text in ("bundled:tiny-bag", "Fingerprint", "Cache hits", "Store", "answers", "torch"):
        assert text in html_of(page)
    assert page.get("download_button")[0].proto.label == "System (JSON)"
    page.button(key="system.refresh").click().run()
    assert not page.exception


@pytest.mark.parametrize("name", ["survey", "system"])
def test_every_page_explains_a_missing_service(lonely_app, name):
    script = script_of(name)
    page = AppTest.from_string(script, default_timeout=_RUN).run()
    assert not page.exception
    assert page.code[0].value == "bindscope serve"


def test_the_service_out_of_reach_is_one_sentence_with_the_command_and_a_retry(lonely_app):
    lonely_app.run()
    assert not lonely_app.exception
    assert "No Bindscope service answers at http://127.0.0.1:9" in lonely_app.error[0].value
    assert lonely_app.code[0].value == "bindscope serve"
    lonely_app.button(key="problems.retry").click().run()
    assert "No Bindscope service" in lonely_app.error[0].value


def test_the_page_recovers_when_the_service_comes_back(lonely_app, service_url, monkeypatch):
    lonely_app.run()
    monkeypatch.setenv("BINDSCOPE_API_URL", service_url)
    lonely_app.button(key="problems.retry").click().run()
    assert not lonely_app.exception
    assert not lonely_app.error
    assert "What the model sees" in html_of(lonely_app)


def test_a_store_that_is_gone_is_noted_on_every_page_and_explained_on_system(storeless_url, monkeypatch):
    monkeypatch.setenv("BINDSCOPE_API_URL", storeless_url)
    app = compose(AppTest.from_file(APP, default_timeout=_RUN))
    assert any("The store does not answer" in c.value for c in app.caption)
    assert "Bag of concepts" in html_of(app)
    page = AppTest.from_string(script_of("system"), default_timeout=_RUN).run()
    assert page.error[0].value.startswith("The store does not answer")


def test_help_opens_from_the_page(app):
    compose(app)
    app.button(key="frame.help").click().run()
    assert not app.exception
    assert "Noise floor" in html_of(app)


def test_a_control_that_the_model_cannot_run_is_explained(app):
    page = survey(app, run="1", control="blank")
    assert "pixel controls" in said(page.error[0])


def test_a_hostile_link_is_shown_as_text_and_not_as_markdown(app):
    compose(app, scene="![x](http://127.0.0.1:9/spy)", model="**bold** [here](http://127.0.0.1:9)")
    shown = " ".join(element.value for element in app.warning)
    assert "http" in shown
    assert "![x](" not in shown
    assert "[here](" not in shown
