from dataclasses import replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from typer.testing import CliRunner

from bindscope.cli.app import commands
from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.scenes.render import render_many
from bindscope.training.bundled.config import PRESETS, SPACE, BundledSpec, PrivateBinding, preset
from bindscope.training.bundled.encoding import encode_ids, encode_pictures
from bindscope.training.bundled.evaluation import draw_scenes
from bindscope.training.bundled.folder import read_card
from bindscope.training.bundled.train import Progress, _train, schedule, train_bundled


def train(spec: BundledSpec, out: Path) -> list[Progress]:
    return list(_train(spec, out=out, seed=1))


def test_a_few_steps_lower_the_loss(small_bind: BundledSpec, tmp_path: Path) -> None:
    first = train(replace(small_bind, steps=2), tmp_path / "two")[-1]
    assert train(replace(small_bind, steps=25), tmp_path / "more")[-1].loss < first.loss - 0.3


@pytest.mark.parametrize("name", PRESETS)
def test_the_same_seed_gives_the_same_weights_bit_for_bit(name: str, tmp_path: Path) -> None:
    spec = replace(preset(name, steps=3), batch=(4, 8, 4), validation=10, layouts=16)
    for folder in ("one", "other"):
        train(spec, tmp_path / folder)
        assert read_card(tmp_path / folder)["name"] == name
    one, other = (load_file(tmp_path / folder / "open_clip_model.safetensors") for folder in ("one", "other"))
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_the_written_folder_gives_the_vectors_of_training(small_bind: BundledSpec, tmp_path: Path) -> None:
    train(small_bind, tmp_path)
    source = f"local-dir:{tmp_path}"
    model, _, preprocess = open_clip.create_model_and_transforms(source)
    tokenizer = open_clip.get_tokenizer(source)
    model.eval()
    pictures = render_many(draw_scenes(SPACE, SPACE.objects(), count=2, number=4, layout="random", seed=0), 64)
    texts = ["red", "a red square", "A RED square and an orange cross", "There is a tall zebra."]
    ids = tokenizer.tokenizer(texts, padding=True, return_tensors="np")["input_ids"]
    with torch.inference_mode():
        stack = torch.stack([preprocess(Image.fromarray(p)) for p in pictures])
        assert torch.allclose(model.encode_image(stack), encode_pictures(model, pictures), atol=1e-5)
        assert torch.allclose(model.encode_text(tokenizer(texts)), encode_ids(model, ids), atol=1e-5)


def test_the_card_tells_seed_settings_and_held_out_objects(small_bind: BundledSpec, tmp_path: Path) -> None:
    train(small_bind, tmp_path)
    card = read_card(tmp_path)
    assert card["seed"] == 1
    assert card["settings"]["steps"] == small_bind.steps
    assert len(card["held_out"]) == 10
    assert card["cpu_seconds"] > 0


def test_reports_count_up_and_end_with_figures(
    small_bind: BundledSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bindscope.training.bundled.train._REPORT_EVERY", 2)
    reports = train(replace(small_bind, steps=5), tmp_path)
    assert [r.step for r in reports] == [2, 4, 5]
    assert reports[-1].figures is not None
    assert set(reports[-1].figures) >= {"all_swap", "all_object", "unseen_swap"}
    assert all(0 <= value <= 1 for value in reports[-1].figures.values())


def test_an_unknown_name_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="tiny-bag, tiny-bind, tiny-split, tiny-table"):
        train_bundled("tiny-cat", out=tmp_path)


def test_the_command_names_every_bundled_model() -> None:
    said = CliRunner().invoke(commands(), ["train", "bundled", "--help"], env={"COLUMNS": "200"}).output
    assert all(name in said for name in PRESETS)


def test_zero_steps_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="at least one step"):
        train_bundled("tiny-bag", out=tmp_path, steps=0)


def test_private_binding_takes_dealt_captions_only() -> None:
    with pytest.raises(InvalidInput, match="dealt captions"):
        BundledSpec(name="mine", summary="", captions="full", private=PrivateBinding(codes="free"))


def test_the_learning_rate_warms_up_and_falls() -> None:
    spec = preset("tiny-bind")
    rates = np.array([schedule(step, spec) for step in range(1, spec.steps + 1)])
    assert rates.argmax() + 1 == spec.warmup
    assert rates[-1] == pytest.approx(0.01)
