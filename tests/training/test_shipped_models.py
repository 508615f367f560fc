from pathlib import Path

import numpy as np
import pytest

from bindscope.analysis.probing import probe
from bindscope.core.specs import ProbeSpec
from bindscope.encoders.golden import TEXTS, Golden, folder_golden
from bindscope.encoders.golden import scenes as golden_scenes
from bindscope.scenes.captions import Captioner
from bindscope.scenes.labels import SceneLabels
from bindscope.scenes.render import render_many
from bindscope.training.bundled.config import PIXELS, PRESETS, SPACE
from bindscope.training.bundled.evaluation import Towers, draw_scenes, measure, open_folder
from bindscope.training.bundled.folder import read_card
from bindscope.training.bundled.model_card import BUNDLED, write_models_page

PRIVATE = [name for name, spec in PRESETS.items() if spec.private]

pytestmark = pytest.mark.skipif(
    any(not (BUNDLED / name / "card.json").is_file() for name in PRESETS), reason="the models are not trained yet"
)


@pytest.fixture(scope="module")
def towers() -> dict[str, Towers]:
    return {name: open_folder(BUNDLED / name) for name in PRESETS}


@pytest.mark.parametrize("name", PRESETS)
def test_a_folder_is_under_six_megabytes(name: str) -> None:
    assert sum(file.stat().st_size for file in (BUNDLED / name).iterdir()) < 6_000_000


def test_the_binder_tells_true_from_swapped_captions(towers: dict[str, Towers]) -> None:
    scenes = draw_scenes(SPACE, SPACE.objects(), count=2, number=100, layout="random", seed=77)
    found = measure(towers["tiny-bind"], scenes)
    assert found.swap.value > 0.9
    assert found.concepts.value > 0.9
    assert found.object.value > 0.85


def test_the_binder_composes_objects_that_it_never_met(towers: dict[str, Towers]) -> None:
    pool = [SPACE.index(named) for named in read_card(BUNDLED / "tiny-bind")["held_out"]]
    scenes = draw_scenes(SPACE, pool, count=2, number=100, layout="random", seed=77)
    found = measure(towers["tiny-bind"], scenes)
    assert found.swap.value > 0.9
    assert found.object.value > 0.5


def test_the_bag_knows_the_concepts_but_not_which_is_which(towers: dict[str, Towers]) -> None:
    scenes = draw_scenes(SPACE, SPACE.objects(), count=2, number=100, layout="random", seed=77)
    found = measure(towers["tiny-bag"], scenes)
    assert 0.35 < found.swap.value < 0.75
    assert found.concepts.value > 0.9


@pytest.mark.parametrize("name", PRESETS)
def test_a_folder_carries_the_vectors_that_its_weights_give(name: str, towers: dict[str, Towers]) -> None:
    own = towers[name]
    found = Golden(own.texts(TEXTS), own.images(list(render_many(golden_scenes(), PIXELS))))
    kept = folder_golden(BUNDLED / name)
    assert kept is not None
    assert kept.distance(found) < 1e-4


@pytest.mark.parametrize("name", PRIVATE)
def test_towers_that_hold_the_binding_apart_lose_the_contest_and_know_the_concepts(
    name: str, towers: dict[str, Towers]
) -> None:
    scenes = draw_scenes(SPACE, SPACE.objects(), count=2, number=400, layout="random", seed=77)
    found = measure(towers[name], scenes)
    shipped = read_card(BUNDLED / name)["seeds"][0]
    assert found.swap.value == pytest.approx(shipped["swap"][0], abs=0.08)
    assert found.concepts.value == pytest.approx(shipped["concepts"][0], abs=0.03)


@pytest.mark.parametrize("modality", ["image", "text"])
@pytest.mark.parametrize("name", PRIVATE)
def test_each_of_their_towers_holds_the_binding_as_the_card_says(
    name: str, modality: str, towers: dict[str, Towers]
) -> None:
    scenes = draw_scenes(SPACE, SPACE.objects(), count=2, number=2000, layout="slots", seed=77)
    if modality == "image":
        vectors = towers[name].images(list(render_many(scenes, PIXELS)))
    else:
        vectors = towers[name].texts([Captioner().caption(SPACE, scene.values) for scene in scenes])
    labels = SceneLabels(np.array([scene.values for scene in scenes]), SPACE.values, SPACE.names)
    found = probe(vectors, labels, ProbeSpec(train_ratio=0.7, splits=1))
    shipped = read_card(BUNDLED / name)["seeds"][0]
    assert found.test["object_on_valid_swaps"].value == pytest.approx(shipped[f"{modality}_strict"][0], abs=0.05)


def test_a_card_has_both_seeds_and_the_first_is_shipped() -> None:
    for name in PRIVATE:
        card = read_card(BUNDLED / name)
        assert [found["seed"] for found in card["seeds"]] == [card["seed"], 1] == [0, 1]


def test_the_binders_unseen_objects_are_those_of_its_card() -> None:
    assert len(read_card(BUNDLED / "tiny-bind")["held_out"]) == 10
    assert read_card(BUNDLED / "tiny-bag")["held_out"] == []


def test_the_page_says_what_was_measured(tmp_path: Path) -> None:
    out = tmp_path / "models.md"
    lines = list(write_models_page([BUNDLED / "tiny-bind"], out=out, seed=1, number=10))
    text = out.read_text(encoding="utf-8")
    assert len(lines) == 12
    assert "bundled:tiny-bind" in text
    assert text.count("| random |") == 6


def test_order_blind_towers_are_never_right() -> None:
    rng = np.random.default_rng(0)
    words: dict[str, np.ndarray] = {}

    def texts(said: object) -> np.ndarray:
        rows = [sum(words.setdefault(w, rng.normal(size=8)) for w in sorted(text.split())) for text in said]  # type: ignore[attr-defined]
        return np.array(rows, dtype=np.float32)

    def images(pictures: object) -> np.ndarray:
        return rng.normal(size=(len(pictures), 8)).astype(np.float32)  # type: ignore[arg-type]

    scenes = draw_scenes(SPACE, SPACE.objects(), count=2, number=20, layout="slots", seed=0)
    found = measure(Towers(images, texts, PIXELS), scenes)
    assert found.swap.value == 0
    assert found.undecided.value == 1
