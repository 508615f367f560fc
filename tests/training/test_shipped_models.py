from pathlib import Path

import numpy as np
import pytest

from bindscope.training.config import PIXELS, PRESETS, SPACE
from bindscope.training.evaluation import Towers, draw_scenes, measure, open_folder
from bindscope.training.folder import read_card
from bindscope.training.model_card import BUNDLED, write_models_page

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
