import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from bindscope.core.errors import InvalidInput, ModelUnavailable, UnknownName
from bindscope.encoders.registry import EncoderSettings, list_models, load_encoder


def refuse(model_id: str, settings: EncoderSettings, kind: type[Exception]) -> str:
    with pytest.raises(kind) as caught:
        load_encoder(model_id, settings=settings)
    return str(caught.value)


def broken(folder: Path, root: Path, name: str) -> Path:
    copy = root / name
    shutil.copytree(folder, copy)
    return copy


@pytest.fixture
def own(tmp_path: Path) -> EncoderSettings:
    return EncoderSettings(device="cpu", model_roots=(tmp_path,))


@pytest.mark.parametrize(
    "model_id",
    [
        *(
            "",
            "nonsense",
            "bundled:huge",
            "synthetic:vowel",
            "open_clip:",
            "open_clip:ViT-B-32",
            "open_clip:local-dir:",
        ),
        *("hf:", "hf:a/b/c", "hf:../etc", "random:", "random:nonsense", "random:random:bundled:tiny-bag", "vllm:x/y"),
        *("hf:local-dir:a\0b", "random:bundled:tiny-bag#seed=99999999999999999999"),
    ],
)
def test_an_id_that_means_nothing_lists_the_known_ones(model_id: str, settings: EncoderSettings) -> None:
    message = refuse(model_id, settings, UnknownName)
    assert "bundled:tiny-bind" in message
    assert "synthetic:order-blind" in message


def test_an_oracle_has_no_random_twin(settings: EncoderSettings) -> None:
    assert "no random twin" in refuse("random:synthetic:bag", settings, InvalidInput)


@pytest.mark.parametrize("model_id", ["open_clip:ViT-B-32/openai", "hf:google/siglip2-base-patch16-256"])
def test_a_hub_model_without_downloads_says_how_to_get_it(model_id: str, settings: EncoderSettings) -> None:
    message = refuse(model_id, settings, ModelUnavailable)
    assert "BINDSCOPE_ALLOW_DOWNLOADS=1" in message
    assert "local-dir:" in message


def test_unknown_architectures_and_tags_list_the_known_ones(settings: EncoderSettings) -> None:
    asking = replace(settings, allow_downloads=True)
    assert "ViT-B-32" in refuse("open_clip:ViT-Z-99/openai", asking, UnknownName)
    assert "laion2b_s34b_b79k" in refuse("open_clip:ViT-B-32/nothing", asking, UnknownName)


@pytest.mark.parametrize("model_id", ["hf:google/siglip2-base-patch16-256", "open_clip:ViT-B-32/laion2b_s34b_b79k"])
def test_an_offline_hub_is_a_sentence_not_a_crash(model_id: str, settings: EncoderSettings) -> None:
    message = refuse(model_id, replace(settings, allow_downloads=True), ModelUnavailable)
    assert "could not be fetched" in message


@pytest.mark.parametrize("family", ["open_clip", "hf"])
@pytest.mark.parametrize("path", ["/etc", "../elsewhere", "inside/../../elsewhere", "/nowhere/at/all"])
def test_a_folder_outside_the_roots_is_refused_before_it_is_looked_for(
    family: str, path: str, own: EncoderSettings
) -> None:
    assert "BINDSCOPE_MODEL_ROOTS" in refuse(f"{family}:local-dir:{path}", own, InvalidInput)


def test_a_link_out_of_the_root_is_refused(open_clip_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(open_clip_folder, target_is_directory=True)
    settings = EncoderSettings(device="cpu", model_roots=(tmp_path,))
    assert "BINDSCOPE_MODEL_ROOTS" in refuse("open_clip:local-dir:link", settings, InvalidInput)


def test_without_roots_no_folder_is_allowed(open_clip_folder: Path) -> None:
    refuse(f"open_clip:local-dir:{open_clip_folder}", EncoderSettings(device="cpu"), InvalidInput)


def test_a_very_long_path_is_bad_input(own: EncoderSettings) -> None:
    refuse("open_clip:local-dir:" + "x" * 5000, own, InvalidInput)


def test_a_relative_path_is_looked_up_below_the_roots(clip_folder: Path, settings: EncoderSettings) -> None:
    relative = load_encoder("hf:local-dir:nested/clip", settings=settings).info
    absolute = load_encoder(f"hf:local-dir:{clip_folder}", settings=settings).info
    assert relative.fingerprint.digest == absolute.fingerprint.digest


def test_missing_folders_and_files_are_named(open_clip_folder: Path, clip_folder: Path, own: EncoderSettings) -> None:
    root = own.model_roots[0]
    assert "no folder 'gone'" in refuse("open_clip:local-dir:gone", own, ModelUnavailable)
    (root / "empty").mkdir()
    assert "open_clip_config.json" in refuse("open_clip:local-dir:empty", own, ModelUnavailable)
    assert "config.json" in refuse("hf:local-dir:empty", own, ModelUnavailable)
    for family, folder in (("open_clip", open_clip_folder), ("hf", clip_folder)):
        copy = broken(folder, root, f"{family}-without-weights")
        next(copy.glob("*.safetensors")).unlink()
        (copy / "pytorch_model.bin").write_bytes(b"pickled")
        assert "safetensors" in refuse(f"{family}:local-dir:{copy}", own, ModelUnavailable)


@pytest.mark.parametrize("how", ["missing", "unexpected", "reshaped", "cut", "garbage"])
@pytest.mark.parametrize("which", ["open_clip_folder", "clip_folder", "dinov2_folder"])
def test_weights_that_do_not_fit_are_refused_by_name(
    which: str, how: str, request: pytest.FixtureRequest, own: EncoderSettings
) -> None:
    from safetensors.torch import load_file, save_file

    copy = broken(request.getfixturevalue(which), own.model_roots[0], "copy")
    family = "open_clip" if which.startswith("open") else "hf"
    path = next(copy.glob("*.safetensors"))
    tensors = load_file(path)
    name = next(n for n in sorted(tensors) if "position" in n and tensors[n].ndim > 1)
    expected = name.split(".")[-1]
    if how == "missing":
        del tensors[name]
    elif how == "unexpected":
        expected = "stranger"
        tensors["stranger"] = tensors[name].clone()
    else:
        tensors[name] = tensors[name][..., :-1, :].contiguous()
    save_file(tensors, path, metadata={"format": "pt"})
    if how == "cut":
        path.write_bytes(path.read_bytes()[:-100])
    if how == "garbage":
        path.write_bytes(b"\0" * 64)
    message = refuse(f"{family}:local-dir:{copy}", own, ModelUnavailable)
    if how in ("missing", "unexpected", "reshaped"):
        assert expected in message


@pytest.mark.parametrize("content", ["", "{", "[]", '{"model_cfg": 3}', '{"model_cfg": {"embed_dim": 4}}', '"x"'])
def test_a_broken_config_is_a_sentence(content: str, own: EncoderSettings) -> None:
    folder = own.model_roots[0] / "broken"
    folder.mkdir()
    (folder / "open_clip_config.json").write_text(content)
    (folder / "config.json").write_text(content)
    for family in ("open_clip", "hf"):
        assert len(refuse(f"{family}:local-dir:broken", own, ModelUnavailable)) > 20
    assert all(entry.source != "local folder" or not entry.available for entry in list_models(own))


@pytest.mark.parametrize("missing", ["tokenizer.json", "preprocessor_config.json"])
def test_a_folder_without_tokenizer_or_vision_files_is_refused(
    missing: str, siglip_folder: Path, own: EncoderSettings
) -> None:
    copy = broken(siglip_folder, own.model_roots[0], "copy")
    (copy / missing).unlink()
    assert "does not load" in refuse(f"hf:local-dir:{copy}", own, ModelUnavailable)


def test_a_broken_tokenizer_is_refused(open_clip_words_folder: Path, own: EncoderSettings) -> None:
    copy = broken(open_clip_words_folder, own.model_roots[0], "copy")
    (copy / "tokenizer.json").write_text("{}")
    assert "does not load" in refuse(f"open_clip:local-dir:{copy}", own, ModelUnavailable)


def test_an_unsupported_type_of_model_lists_the_supported_ones(own: EncoderSettings) -> None:
    folder = own.model_roots[0] / "other"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    message = refuse("hf:local-dir:other", own, ModelUnavailable)
    assert "llama" in message
    assert "siglip" in message


def test_a_folder_that_wants_to_run_its_own_code_is_refused(open_clip_words_folder: Path, own: EncoderSettings) -> None:
    copy = broken(open_clip_words_folder, own.model_roots[0], "copy")
    config = json.loads((copy / "open_clip_config.json").read_text())
    config["model_cfg"]["text_cfg"]["tokenizer_kwargs"] = {"trust_remote_code": True}
    (copy / "open_clip_config.json").write_text(json.dumps(config))
    assert "code of its own" in refuse(f"open_clip:local-dir:{copy}", own, ModelUnavailable)


def test_code_in_a_transformers_folder_is_never_run(clip_folder: Path, own: EncoderSettings) -> None:
    copy = broken(clip_folder, own.model_roots[0], "copy")
    config = json.loads((copy / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "mine.Mine", "AutoConfig": "mine.MineConfig"}
    (copy / "config.json").write_text(json.dumps(config))
    (copy / "mine.py").write_text("raise SystemExit('ran')")
    load_encoder(f"hf:local-dir:{copy}", settings=own)


def test_sentence_models_without_pooler_weights_load_the_same_twice(
    sentence_folder: Path, own: EncoderSettings
) -> None:
    from safetensors.torch import load_file, save_file

    copy = broken(sentence_folder, own.model_roots[0], "copy")
    path = copy / "model.safetensors"
    save_file({k: v for k, v in load_file(path).items() if "pooler" not in k}, path, metadata={"format": "pt"})
    first, second = (load_encoder(f"hf:local-dir:{copy}", settings=own).info.fingerprint for _ in range(2))
    assert first == second


def test_an_unknown_pooling_is_refused(sentence_folder: Path, own: EncoderSettings) -> None:
    copy = broken(sentence_folder, own.model_roots[0], "copy")
    (copy / "1_Pooling").mkdir()
    (copy / "1_Pooling" / "config.json").write_text('{"pooling_mode_max_tokens": true}')
    assert "max_tokens" in refuse(f"hf:local-dir:{copy}", own, ModelUnavailable)


def test_loading_is_quiet_and_leaves_logging_as_it_was(
    open_clip_folder: Path, clip_folder: Path, settings: EncoderSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    from transformers.utils import logging as upstream

    before = (upstream.get_verbosity(), list(logging.getLogger().handlers), list(logging.getLogger().filters))
    bars = upstream.is_progress_bar_enabled()
    for prefix in ("", "random:"):
        load_encoder(f"{prefix}open_clip:local-dir:{open_clip_folder}", settings=settings)
        load_encoder(f"{prefix}hf:local-dir:{clip_folder}", settings=settings)
    after = (upstream.get_verbosity(), list(logging.getLogger().handlers), list(logging.getLogger().filters))
    assert before == after
    assert upstream.is_progress_bar_enabled() == bars
    assert capfd.readouterr() == ("", "")


def test_local_folders_are_listed_with_what_they_read(
    open_clip_folder: Path, clip_folder: Path, dinov2_folder: Path, sentence_folder: Path, settings: EncoderSettings
) -> None:
    listed = {entry.id: entry for entry in list_models(settings)}
    for model_id, modalities, dim in (
        (f"open_clip:local-dir:{open_clip_folder}", ("image", "text"), 24),
        (f"hf:local-dir:{clip_folder}", ("image", "text"), 24),
        (f"hf:local-dir:{dinov2_folder}", ("image",), 32),
        (f"hf:local-dir:{sentence_folder}", ("text",), 32),
    ):
        entry = listed[model_id]
        assert (entry.modalities, entry.dim, entry.available) == (modalities, dim, True)
        info = load_encoder(model_id, settings=settings).info
        assert (info.modalities, info.dim) == (modalities, dim)


def test_the_list_names_each_model_once_and_hub_models_only_with_downloads(settings: EncoderSettings) -> None:
    entries = list_models(settings)
    assert len({entry.id for entry in entries}) == len(entries)
    hub = [entry for entry in entries if entry.source == "hub"]
    assert hub
    assert not any(entry.available for entry in hub)
    allowed = list_models(replace(settings, allow_downloads=True))
    assert all(entry.available for entry in allowed if entry.source == "hub")


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from bindscope.encoders.registry import EncoderSettings, list_models; "
        "assert list_models(EncoderSettings()); "
        "print([m for m in ('torch', 'open_clip', 'transformers', 'torchvision') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_settings_say_what_is_wrong_with_them(new_open_clip: Callable[..., Path]) -> None:
    for wrong in ({"device": "tpu"}, {"dtype": "int8"}, {"threads": -1}):
        with pytest.raises(InvalidInput):
            EncoderSettings(**wrong)  # type: ignore[arg-type]


def test_float16_asks_for_a_gpu_where_there_is_none(open_clip_folder: Path, settings: EncoderSettings) -> None:
    message = refuse(f"open_clip:local-dir:{open_clip_folder}", replace(settings, dtype="float16"), InvalidInput)
    assert "BINDSCOPE_DTYPE" in message
