import io

import numpy as np
import pytest
from PIL import Image

from bindscope import features
from bindscope.cli.local import client_for
from bindscope.client import ApiError, BindscopeClient, ServiceUnreachable
from bindscope.core.errors import UnknownName
from bindscope.features.verdicts.schemas import VERDICT, VerdictRequest


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setenv("BINDSCOPE_DATA_DIR", str(tmp_path_factory.mktemp("data")))
    patch.delenv("BINDSCOPE_API_URL", raising=False)
    with client_for(None) as found:
        yield found
    patch.undo()


@pytest.fixture
def scene():
    values = [{"color": "red", "shape": "square"}, {"color": "blue", "shape": "circle"}]
    return {"space": "shapes2d", "objects": [{"values": v} for v in values]}


def test_answers_are_typed(client, scene) -> None:
    verdict = client.verdict("synthetic:additive", scene, template="photo")
    assert verdict.diagnosis == "binds"
    assert verdict.contest.captions[0].text.startswith("a photo of")
    assert verdict.provenance.model == "synthetic:additive"


def test_a_scene_from_an_answer_can_be_asked_again(client) -> None:
    batch = client.verdict_batch("synthetic:bag", count=20, only_valid_swaps=True)
    again = client.verdict("synthetic:bag", batch.failures[0])
    assert again.contest.outcome == "undecided"


def test_embed_gives_float32_rows_in_order(client, scene) -> None:
    vectors = client.embed("synthetic:bag", texts=["red", "blue", "red"])
    assert vectors.dtype == np.float32
    assert np.array_equal(vectors[0], vectors[2])
    assert not np.array_equal(vectors[0], vectors[1])
    assert client.embed("synthetic:bag", scenes=[scene]).shape == (1, vectors.shape[1])


def test_render_gives_the_picture(client, scene) -> None:
    assert Image.open(io.BytesIO(client.render(scene, 64))).size == (64, 64)


def test_progress_is_reported_while_a_batch_runs(client) -> None:
    seen = []
    got = client.verdict_batch("synthetic:additive", count=130, on_progress=lambda p: seen.append((p.done, p.total)))
    assert seen == [(64, 130), (128, 130), (130, 130)]
    assert got.scenes == 130


def test_an_error_carries_the_sentence_and_the_known_names(client, scene) -> None:
    with pytest.raises(ApiError, match="Unknown model") as caught:
        client.verdict("synthetic:none", scene)
    assert caught.value.status == 404
    assert "synthetic:bag" in caught.value.known
    with pytest.raises(ApiError, match="Unknown space"):
        client.verdict_batch("synthetic:bag", "mars", on_progress=lambda _: None)


def test_own_spaces_can_be_added_and_removed(client) -> None:
    client.add_space("name: fruit\nconcepts:\n  color: [red, green]\n  fruit: [apple, pear]\n")
    assert "fruit" in [s.name for s in client.spaces()]
    client.delete_space("fruit")
    assert "fruit" not in [s.name for s in client.spaces()]


def test_a_counterexample_says_what_was_tried(client, scene) -> None:
    assert client.counterexample("synthetic:additive", scene, budget=10).tried == 10


def test_models_system_and_readiness_can_be_read(client) -> None:
    assert any(m.id == "synthetic:bag" for m in client.models())
    assert client.system().store.state == "ok"
    assert client.ready().ready


def test_every_question_of_the_features_can_be_asked_by_its_name(client, scene) -> None:
    names = client.questions()
    assert len(set(names)) == len(features.endpoints())
    body = {"source": {"model": "synthetic:bag", "space": "shapes2d", "modality": "text", "limit": 200}, "seed": 3}
    by_name, by_method = client.ask("probes", body), client.probe(body["source"], seed=3)
    assert type(by_name) is type(by_method)
    assert by_name.test == by_method.test
    assert client.ask(VERDICT, {"model": "synthetic:additive", "scene": scene}).diagnosis == "binds"
    assert client.ask(VERDICT, VerdictRequest(model="synthetic:additive", scene=scene)).diagnosis == "binds"
    with pytest.raises(UnknownName, match="probes"):
        client.ask("prob", body)


def test_a_body_that_the_service_refuses_is_told_in_its_words(client) -> None:
    with pytest.raises(ApiError) as caught:
        client.ask("probes", {"source": {"dataset": "0" * 16}, "train_ratio": 7})
    assert caught.value.status == 422
    assert "train_ratio" in str(caught.value)


def test_nothing_at_the_address_is_said_in_one_sentence() -> None:
    with BindscopeClient("http://127.0.0.1:9") as nobody, pytest.raises(ServiceUnreachable, match="bindscope up"):
        nobody.models()


def test_a_text_that_has_no_utf8_form_is_an_api_error_with_a_sentence(client) -> None:
    with pytest.raises(ApiError, match="cannot be written as JSON"):
        client.embeddings("synthetic:bag", texts=["\ud800"])
