import json
from dataclasses import replace

import numpy as np
import pytest

from bindscope.analysis.metrics import cosines
from bindscope.core.errors import InvalidInput, ModelUnavailable, UnknownName, UnsupportedModality
from bindscope.encoders.checksummed import Sealed, pack
from bindscope.encoders.protocol import SceneReader, TokenCounter, Vectors
from bindscope.encoders.query_texts import QueryTexts
from bindscope.encoders.registry import EncoderSettings, list_models, load_encoder
from bindscope.encoders.settings import RunFiles
from bindscope.scenes.concepts import BUILTIN_SPACES, space_from_mapping
from bindscope.scenes.controlled import ControlledConfig, run_definition
from bindscope.scenes.sampling import sample_scenes
from bindscope.scenes.scene import Scene, scene_in_slots

SHAPES = BUILTIN_SPACES["shapes2d"]
CUPS = space_from_mapping(
    {
        "name": "cups",
        "concepts": {"color": ["dark red", "red", "orange"], "fruit": ["orange", "salt and lime", "apple"]},
        "phrase": "one {color} {fruit} on a plate",
    }
)


def model(run: str, settings: EncoderSettings) -> SceneReader:
    found = load_encoder(f"controlled:{run}", settings=settings)
    assert isinstance(found, SceneReader)
    return found


def scene(*objects: tuple[int, int]) -> Scene:
    return scene_in_slots(SHAPES, list(objects))


def texts(encoder: object, *said: str) -> Vectors:
    out: Vectors = encoder.encode_texts(list(said))  # type: ignore[attr-defined]
    return out


def test_finished_runs_are_listed_and_others_are_not(run_settings: EncoderSettings) -> None:
    listed = {entry.id: entry for entry in list_models(run_settings) if entry.family == "controlled"}
    assert set(listed) == {"controlled:tokens", "controlled:pictures"}
    assert listed["controlled:tokens"].dim == 12
    assert listed["controlled:tokens"].available
    assert "shapes2d" in listed["controlled:tokens"].source


def test_an_unknown_run_is_an_unknown_model(run_settings: EncoderSettings, settings: EncoderSettings) -> None:
    with pytest.raises(UnknownName, match="tokens"):
        load_encoder("controlled:nothing", settings=run_settings)
    with pytest.raises(UnknownName, match="none"):
        load_encoder("controlled:tokens", settings=settings)
    with pytest.raises(UnknownName):
        load_encoder("controlled:../secret", settings=run_settings)


def test_a_run_that_still_trains_is_not_a_model_yet(run_settings: EncoderSettings) -> None:
    with pytest.raises(ModelUnavailable, match="not finished"):
        load_encoder("controlled:unfinished", settings=run_settings)


class Changed:
    """The same runs with one file replaced."""

    def __init__(self, runs: RunFiles, name: str, data: bytes) -> None:
        self._runs, self._name, self._data = runs, name, data

    def ids(self) -> list[str]:
        return self._runs.ids()

    def read(self, run_id: str, name: str) -> bytes:
        return self._data if name == self._name else self._runs.read(run_id, name)


def test_damaged_files_are_reported_and_not_listed(run_settings: EncoderSettings) -> None:
    assert run_settings.runs is not None
    weights = run_settings.runs.read("tokens", "model.safetensors")
    other = pack(Sealed({}, {}))
    settings_of_another = json.dumps(run_definition(ControlledConfig(space="shapes2d", width=32), SHAPES)).encode()
    for name, data in (
        ("model.safetensors", weights[:-9]),
        ("model.safetensors", other),
        ("config.json", b"{"),
        ("config.json", b"[]"),
        ("config.json", settings_of_another),
    ):
        changed = replace(run_settings, runs=Changed(run_settings.runs, name, data))
        with pytest.raises(ModelUnavailable, match="train again"):
            load_encoder("controlled:tokens", settings=changed)
    broken = replace(run_settings, runs=Changed(run_settings.runs, "config.json", b"{"))
    assert not [entry for entry in list_models(broken) if entry.family == "controlled"]


def test_scenes_are_read_by_name_from_left_to_right(run_settings: EncoderSettings) -> None:
    encoder = model("tokens", run_settings)
    other = space_from_mapping({"name": "mine", "concepts": {"shape": ["star", "circle"], "color": ["red", "blue"]}})
    red, blue = SHAPES.concept("color").index["red"], SHAPES.concept("color").index["blue"]
    star, circle = SHAPES.concept("shape").index["star"], SHAPES.concept("shape").index["circle"]
    own = encoder.encode_scenes([scene((red, star), (blue, circle))])
    assert np.array_equal(own, encoder.encode_scenes([scene_in_slots(other, [(0, 0), (1, 1)])]))
    left_to_right = scene((red, star), (blue, circle))
    mentioned_backwards = Scene(SHAPES, left_to_right.objects[::-1])
    assert np.array_equal(own, encoder.encode_scenes([mentioned_backwards]))
    assert not np.array_equal(own, encoder.encode_scenes([scene((blue, circle), (red, star))]))


def test_scenes_that_the_run_has_no_words_for_are_refused(run_settings: EncoderSettings) -> None:
    encoder = model("tokens", run_settings)
    with pytest.raises(InvalidInput, match="color, shape"):
        encoder.encode_scenes(sample_scenes(BUILTIN_SPACES["words"], 1, seed=0, only_valid_swaps=False))
    shades = space_from_mapping({"name": "shades", "concepts": {"color": ["red", "teal"], "shape": ["star", "ring"]}})
    with pytest.raises(InvalidInput, match="teal"):
        encoder.encode_scenes([scene_in_slots(shades, [(1, 0)])])
    with pytest.raises(InvalidInput, match="at most 2 objects"):
        encoder.encode_scenes([scene((0, 0), (1, 1), (2, 2))])
    with pytest.raises(UnsupportedModality, match="not pixels"):
        encoder.encode_images([])  # type: ignore[attr-defined]


@pytest.mark.parametrize("run", ["tokens", "pictures"])
def test_a_caption_is_the_sum_of_its_objects(run_settings: EncoderSettings, run: str) -> None:
    encoder = load_encoder(f"controlled:{run}", settings=run_settings)
    one, two, both, back, single = texts(
        encoder, "a red star", "a blue ring", "A red STAR and a blue ring.", "a photo of a blue ring, a red star", "red"
    )
    assert both == pytest.approx(one + two, abs=1e-6)
    assert np.array_equal(both, back)
    assert [float(np.linalg.norm(v)) for v in (one, two, single)] == pytest.approx([1, 1, 1], abs=1e-5)
    assert cosines([single], [one])[0, 0] < 0.9999


@pytest.mark.parametrize(
    ("said", "problem"), [("", "no value"), ("a photo", "no value"), ("a crimson star", "crimson")]
)
def test_a_text_in_other_words_is_refused(run_settings: EncoderSettings, said: str, problem: str) -> None:
    with pytest.raises(InvalidInput, match=problem):
        texts(model("tokens", run_settings), said)


def test_values_of_several_words_and_of_two_concepts_are_told_apart() -> None:
    parts = QueryTexts(CUPS).parts
    assert parts("one dark red orange on a plate") == [{0: 0, 1: 0}]
    assert parts("an orange orange") == [{0: 2, 1: 0}]
    assert parts("a red salt and lime and an orange apple") == [{0: 1, 1: 1}, {0: 2, 1: 2}]
    assert parts("red apple orange") == [{0: 1, 1: 2}, {0: 2}]
    assert parts("Dark  Red") == [{0: 0}]


def test_values_beyond_the_limit_are_dropped_and_counted(run_settings: EncoderSettings) -> None:
    encoder = model("tokens", run_settings)
    assert isinstance(encoder, TokenCounter)
    most = encoder.info.max_tokens or 0
    long = " and ".join(["a red star"] * 50)
    assert encoder.token_counts([long]) == [100]
    assert np.array_equal(texts(encoder, long), texts(encoder, " and ".join(["a red star"] * (most // 2))))


def test_fingerprints_tell_runs_and_twins_apart(run_settings: EncoderSettings) -> None:
    names = ("controlled:tokens", "controlled:pictures", "random:controlled:tokens", "random:controlled:tokens#seed=1")
    digests = [load_encoder(name, settings=run_settings).info.fingerprint.digest for name in names]
    assert len(set(digests)) == len(names)
    again = load_encoder("controlled:tokens", settings=run_settings)
    assert again.info.fingerprint.digest == digests[0]
    assert load_encoder("random:controlled:tokens", settings=run_settings).info.family == "random"


def test_pictures_of_any_size_are_read(run_settings: EncoderSettings) -> None:
    encoder = load_encoder("controlled:pictures", settings=run_settings)
    picture = np.full((80, 60, 3), 200, np.uint8)
    vectors: Vectors = encoder.encode_images([picture, np.full((32, 32, 3), 200, np.uint8)])  # type: ignore[union-attr]
    assert vectors[0] == pytest.approx(vectors[1], abs=1e-5)
