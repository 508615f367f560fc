from bindscope.features.models.schemas import ModelSummary
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope_dashboard.pages.decompositions.page import random_twin
from bindscope_dashboard.pages.interventions.state import another_object
from bindscope_dashboard.shared.pickers import missing_tower
from bindscope_dashboard.shared.service import Spaces

SPACES = Spaces(BUILTIN_SPACES)


def test_the_replacement_is_another_object_even_from_the_last_value():
    space = SPACES["clevr2d"]
    for name in space.concepts[0].values:
        assert another_object({"color": name, "shape": "circle"}, space) != {"color": name, "shape": "circle"}


def test_trained_models_have_a_twin_with_random_weights_and_oracles_none():
    assert random_twin("bundled:tiny-bag") == "random:bundled:tiny-bag"
    assert random_twin("synthetic:bag") is None


def test_a_missing_tower_has_its_reason():
    plain = {"dim": 4, "source": "x", "loaded": False, "fingerprint": None}
    text = ModelSummary(id="t", family="bundled", modalities=["text"], **plain)
    both = ModelSummary(id="b", family="bundled", modalities=["image", "text"], **plain)
    oracle = ModelSummary(id="o", family="synthetic", modalities=["image", "text"], **plain)
    words = BUILTIN_SPACES["words"]
    assert missing_tower(text, SPACES["clevr2d"], "image") == "This model reads text only."
    assert missing_tower(both, words, "image") == "The space words cannot be drawn."
    assert missing_tower(both, SPACES["clevr2d"], "image") is None
    assert missing_tower(oracle, words, "image") is None
    assert missing_tower(None, SPACES["clevr2d"], "text") is None


def test_a_run_of_controlled_training_reads_scenes_that_cannot_be_drawn():
    run = ModelSummary(id="controlled:ab", family="controlled", modalities=["image", "text"], dim=4, source="x",
                       loaded=False, fingerprint=None)  # fmt: skip
    assert missing_tower(run, SPACES["grid-2x4"], "image") is None
    assert missing_tower(None, SPACES["grid-2x4"], "image") == "The space grid-2x4 cannot be drawn."
