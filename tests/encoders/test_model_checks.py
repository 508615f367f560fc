"""A deliberately broken model must turn red; a sound one must not."""

import json
import shutil
import time
from contextlib import ExitStack
from dataclasses import replace

import pytest

from bindscope.core.config import Settings
from bindscope.core.errors import ModelUnavailable
from bindscope.encoders.batching import BatchLimits
from bindscope.encoders.families.bundled import bundled_folder
from bindscope.encoders.golden import FILE, TEXTS, Golden, golden_from, scenes
from bindscope.encoders.registry import EncoderSettings
from bindscope.features.model_checks.service import ModelChecks
from bindscope.services.container import assembled
from bindscope.services.embedder import Embedder
from bindscope.services.model_pool import ModelPool
from bindscope.store.artifacts import Artifacts


@pytest.fixture
def checks_of(tmp_path):
    """ModelChecks of the models that encoder settings name."""
    settings = Settings(_env_file=None, data_dir=tmp_path / "data", store="off", preload=(), model_checks="off")
    with ExitStack() as stack:
        parts = stack.enter_context(assembled(settings))

        def make(own, artifacts=None, *, in_background="off", max_loaded=4):
            pool = ModelPool(own, BatchLimits(window_ms=0.1), max_loaded=max_loaded)
            stack.callback(pool.close)
            return ModelChecks(
                replace(
                    parts,
                    settings=settings.model_copy(update={"model_checks": in_background}),
                    models=pool,
                    embedder=Embedder(pool, parts.cache),
                    artifacts=artifacts or parts.artifacts,
                )
            )

        yield make


@pytest.fixture
def desk(checks_of):
    """The same of models below a list of roots."""

    def make(*roots, artifacts=None):
        return checks_of(EncoderSettings(device="cpu", threads=1, model_roots=tuple(roots)), artifacts)

    return make


def check(checks, name):
    return next(own for own in checks.checks if own.name == name)


@pytest.fixture
def tiny(tmp_path):
    """A copy of the bundled binder, to be broken."""
    folder = tmp_path / "models" / "tiny"
    shutil.copytree(bundled_folder("tiny-bind"), folder)
    return folder


@pytest.mark.parametrize("name", ["tiny-bag", "tiny-bind", "tiny-split", "tiny-table"])
def test_the_bundled_models_answer_as_their_folders_say(desk, name) -> None:
    found = desk().of(f"bundled:{name}")
    assert found.state == "passed"
    assert check(found, "golden vectors of the folder").state == "passed"
    assert check(found, "golden vectors of the folder").figure < 1e-4


def test_a_wrong_activation_turns_red_and_the_sound_copy_does_not(desk, tiny) -> None:
    model = f"open_clip:local-dir:{tiny}"
    assert desk(tiny.parent).of(model).state == "passed"
    config = json.loads((tiny / "open_clip_config.json").read_text())
    config["model_cfg"]["quick_gelu"] = not config["model_cfg"].get("quick_gelu", False)
    (tiny / "open_clip_config.json").write_text(json.dumps(config))
    found = desk(tiny.parent).of(model)
    assert found.state == "failed"
    assert check(found, "golden vectors of the folder").state == "failed"
    seen = check(found, "vectors as first seen")
    assert seen.state == "failed"
    assert "What differs since then: architecture" in seen.message


def test_without_golden_vectors_the_same_weights_are_held_against_their_first_answers(desk, tiny) -> None:
    (tiny / FILE).unlink()
    model = f"open_clip:local-dir:{tiny}"
    assert check(desk(tiny.parent).of(model), "vectors as first seen").state == "noted"
    assert check(desk(tiny.parent).of(model, refresh=True), "vectors as first seen").state == "passed"
    config = json.loads((tiny / "open_clip_config.json").read_text())
    config["preprocess_cfg"]["mean"] = [0.1, 0.1, 0.1]
    (tiny / "open_clip_config.json").write_text(json.dumps(config))
    found = desk(tiny.parent).of(model)
    assert found.state == "failed"
    assert "preprocessing" in check(found, "vectors as first seen").message


def test_siglip_that_fills_up_on_the_left_turns_red(desk, siglip_folder, tmp_path) -> None:
    folder = tmp_path / "models" / "siglip"
    shutil.copytree(siglip_folder, folder)
    model = f"hf:local-dir:{folder}"
    sound = desk(folder.parent).of(model)
    assert check(sound, "padding of texts").state == "passed"
    assert sound.state == "passed"
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "padding_side": "left"}))
    found = desk(folder.parent).of(model)
    assert found.state == "failed"
    assert "padding_side" in check(found, "padding of texts").message
    assert check(found, "vectors as first seen").state == "failed"


def test_siglip_with_another_padding_token_turns_red(desk, siglip_folder, tmp_path) -> None:
    folder = tmp_path / "models" / "siglip"
    shutil.copytree(siglip_folder, folder)
    model = f"hf:local-dir:{folder}"
    desk(folder.parent).of(model)
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "pad_token": "<unk>"}))
    found = desk(folder.parent).of(model)
    assert found.state == "failed"
    assert "tokenizer" in check(found, "vectors as first seen").message


def activate(folder, kind, **more) -> None:
    """Writes another activation into a CLIP's configuration."""
    config = json.loads((folder / "config.json").read_text())
    for part in ("text_config", "vision_config"):
        config[part]["hidden_act"] = kind
    (folder / "config.json").write_text(json.dumps({**config, **more}))


def test_openai_weights_without_quickgelu_turn_red(desk, clip_folder, tmp_path) -> None:
    folder = tmp_path / "models" / "openai-clip-vit-base-patch32"
    shutil.copytree(clip_folder, folder)
    activate(folder, "gelu")
    assert check(desk(folder.parent).of(f"hf:local-dir:{folder}"), "activation").state == "failed"
    activate(folder, "quick_gelu")
    assert check(desk(folder.parent).of(f"hf:local-dir:{folder}"), "activation").state == "passed"


def test_a_place_that_is_named_openai_makes_no_weights_openais(desk, clip_folder, tmp_path) -> None:
    folder = tmp_path / "openai" / "openai-notes"
    shutil.copytree(clip_folder, folder)
    activate(folder, "gelu", _name_or_path="somebody/clip")
    assert check(desk(folder.parent).of(f"hf:local-dir:{folder}"), "activation").state == "passed"


def test_a_sound_model_overrules_a_broken_copy_that_was_seen_first(desk, tiny) -> None:
    model = f"open_clip:local-dir:{tiny}"
    sound = (tiny / "open_clip_config.json").read_text()
    config = json.loads(sound)
    config["model_cfg"]["quick_gelu"] = not config["model_cfg"].get("quick_gelu", False)
    (tiny / "open_clip_config.json").write_text(json.dumps(config))
    broken = desk(tiny.parent).of(model)
    assert check(broken, "golden vectors of the folder").state == "failed"
    (tiny / "open_clip_config.json").write_text(sound)
    found = desk(tiny.parent).of(model)
    assert found.state == "passed"
    assert check(found, "vectors as first seen").state == "noted"
    assert check(desk(tiny.parent).of(model, refresh=True), "vectors as first seen").state == "passed"


def test_every_kind_of_model_has_a_model_checks(desk, dinov2_folder) -> None:
    blind = desk().of("synthetic:order-blind")
    assert check(blind, "order of words").state == "noted"
    assert blind.state == "passed"
    images = desk(dinov2_folder.parent).of(f"hf:local-dir:{dinov2_folder}")
    assert check(images, "order of words").state == "skipped"
    assert check(images, "vectors as first seen").state in ("noted", "passed")
    assert desk().of("random:bundled:tiny-bind").state == "passed"


@pytest.mark.parametrize("model", ["controlled:tokens", "controlled:pictures", "random:controlled:tokens"])
def test_a_model_that_knows_only_its_own_space_has_a_model_checks(run_settings, checks_of, model) -> None:
    found = checks_of(run_settings).of(model)
    assert found.state == "passed"
    for name in ("order of words", "vectors as first seen", "length of captions"):
        assert check(found, name).state == "skipped"


def test_a_report_is_kept_and_a_damaged_one_is_made_anew(desk, tmp_path) -> None:
    artifacts = Artifacts(str(tmp_path / "kept"))
    first = desk(artifacts=artifacts).of("synthetic:bag")
    again = desk(artifacts=artifacts).of("synthetic:bag")
    assert again == first
    (file,) = (tmp_path / "kept" / "model-checks").rglob("model-checks.json")
    file.write_text("{")
    assert desk(artifacts=artifacts).of("synthetic:bag").state == "passed"


def test_damaged_golden_vectors_are_a_failed_check(desk, tiny) -> None:
    (tiny / FILE).write_bytes(b"none")
    found = desk(tiny.parent).of(f"open_clip:local-dir:{tiny}")
    assert found.state == "failed"
    with pytest.raises(ModelUnavailable, match="write them anew"):
        golden_from(b"none")


def test_golden_vectors_of_another_shape_are_another_model() -> None:
    import numpy as np

    rows = np.eye(3, 4, dtype=np.float32)
    one = golden_from(Golden(rows, None).to_bytes())
    assert one.distance(Golden(rows * 7, None)) == 0
    assert one.distance(Golden(rows[:, :3], None)) == 2
    assert one.distance(Golden(rows, rows)) == 2


def test_the_fixed_inputs_are_a_scene_and_its_swap() -> None:
    first, second = scenes()
    assert TEXTS[0] != TEXTS[1]
    assert sorted(v for o in first.values for v in o) == sorted(v for o in second.values for v in o)
    assert replace(first) == first


def test_checks_in_the_background_do_not_bring_models_back_that_have_left(checks_of) -> None:
    checks = checks_of(EncoderSettings(device="cpu"), in_background="on", max_loaded=1)
    pool, loads = checks._models, []

    def tell(model_id):
        loads.append(model_id)
        checks.loaded(model_id)

    pool.when_loaded(tell)
    for model in ("synthetic:bag", "synthetic:additive", "synthetic:product"):
        pool.info(model)
    time.sleep(1.0)
    assert len(loads) <= 6
    until = time.monotonic() + 20
    last = pool.info("synthetic:product").fingerprint.digest
    while checks.state(last) is None and time.monotonic() < until:
        time.sleep(0.05)
    assert checks.state(last) == "passed"
    assert len(loads) <= 8
