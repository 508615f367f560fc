import json
import shutil
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bindscope.encoders.protocol import Encoder, Fingerprint
from bindscope.encoders.registry import EncoderSettings, load_encoder

Change = Callable[[Path], None]


def digest(folder: Path, family: str, prefix: str = "", **settings: Any) -> str:
    chosen = EncoderSettings(device="cpu", model_roots=(folder.parent,), **settings)
    return load_encoder(f"{prefix}{family}:local-dir:{folder}", settings=chosen).info.fingerprint.digest


def copied(folder: Path, tmp_path: Path, change: Change | None = None) -> Path:
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    if change is not None:
        change(copy)
    return copy


def json_change(name: str, **changes: object) -> Change:
    def change(folder: Path) -> None:
        data = json.loads((folder / name).read_text())
        for path, value in changes.items():
            place = data
            *parents, last = path.split("__")
            for parent in parents:
                place = place[parent]
            place[last] = value
        (folder / name).write_text(json.dumps(data))

    return change


def one_weight(folder: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = next(folder.glob("*.safetensors"))
    tensors = load_file(path)
    name = sorted(tensors)[-1]
    tensors[name].view(-1)[0] += 1e-3
    save_file(tensors, path, metadata={"format": "pt"})


def exchange_tokens(folder: Path) -> None:
    data = json.loads((folder / "tokenizer.json").read_text())
    vocab = data["model"]["vocab"]
    if isinstance(vocab, dict):
        one, other = list(vocab)[5:7]
        vocab[one], vocab[other] = vocab[other], vocab[one]
    else:
        vocab[5], vocab[6] = vocab[6], vocab[5]
    (folder / "tokenizer.json").write_text(json.dumps(data))


OPEN_CLIP_CHANGES = {
    "weight": one_weight,
    "mean": json_change("open_clip_config.json", preprocess_cfg__mean=[0.5, 0.4, 0.31]),
    "std": json_change("open_clip_config.json", preprocess_cfg__std=[0.2, 0.25, 0.31]),
    "resize": json_change("open_clip_config.json", preprocess_cfg__resize_mode="squash"),
    "interpolation": json_change("open_clip_config.json", preprocess_cfg__interpolation="bilinear"),
    "activation": json_change("open_clip_config.json", model_cfg__quick_gelu=True),
    "vocabulary": exchange_tokens,
}
HF_CHANGES = {
    "weight": one_weight,
    "mean": json_change("preprocessor_config.json", image_mean=[0.5, 0.4, 0.31]),
    "resample": json_change("preprocessor_config.json", resample=2),
    "activation": json_change("config.json", text_config__hidden_act="gelu"),
    "vocabulary": exchange_tokens,
}


@pytest.mark.parametrize("change", OPEN_CLIP_CHANGES.values(), ids=OPEN_CLIP_CHANGES)
def test_any_change_of_an_open_clip_folder_changes_the_digest(
    change: Change, open_clip_words_folder: Path, tmp_path: Path
) -> None:
    before = digest(open_clip_words_folder, "open_clip")
    assert digest(copied(open_clip_words_folder, tmp_path, change), "open_clip") != before


@pytest.mark.parametrize("change", HF_CHANGES.values(), ids=HF_CHANGES)
def test_any_change_of_a_transformers_folder_changes_the_digest(
    change: Change, clip_folder: Path, tmp_path: Path
) -> None:
    before = digest(clip_folder, "hf")
    assert digest(copied(clip_folder, tmp_path, change), "hf") != before


@pytest.mark.parametrize("which", ["open_clip_folder", "open_clip_words_folder", "clip_folder", "siglip_folder"])
def test_a_copy_of_the_folder_has_the_same_digest_and_its_twins_have_others(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder = request.getfixturevalue(which)
    family = "open_clip" if which.startswith("open") else "hf"
    copy = copied(folder, tmp_path)
    trained, again = digest(folder, family), digest(copy, family)
    twin, twin_again = digest(folder, family, "random:"), digest(copy, family, "random:")
    assert trained == again
    assert twin == twin_again
    assert twin != trained


def test_the_seed_makes_the_twin(open_clip_folder: Path, settings: EncoderSettings) -> None:
    def twin(end: str) -> Encoder:
        found = load_encoder(f"random:open_clip:local-dir:{open_clip_folder}{end}", settings=settings)
        assert isinstance(found, Encoder)
        return found

    plain, zero, three = twin(""), twin("#seed=0"), twin("#seed=3")
    assert plain.info.fingerprint.digest == zero.info.fingerprint.digest != three.info.fingerprint.digest
    texts = ["a red square"]
    assert np.array_equal(plain.encode_texts(texts), zero.encode_texts(texts))
    assert not np.allclose(plain.encode_texts(texts), three.encode_texts(texts))
    assert plain.info.family == "random"


def test_a_twin_with_the_very_weights_of_a_folder_has_a_digest_of_its_own(
    open_clip_folder: Path, settings: EncoderSettings
) -> None:
    # The folder was never trained: its weights were drawn with this seed.
    stored = load_encoder(f"open_clip:local-dir:{open_clip_folder}", settings=settings)
    twin = load_encoder(f"random:open_clip:local-dir:{open_clip_folder}#seed=11", settings=settings)
    assert isinstance(stored, Encoder)
    assert isinstance(twin, Encoder)
    assert np.array_equal(stored.encode_texts(["red"]), twin.encode_texts(["red"]))
    assert stored.info.fingerprint.digest != twin.info.fingerprint.digest


def test_the_random_twin_leaves_the_random_generator_alone(open_clip_folder: Path, settings: EncoderSettings) -> None:
    import torch

    torch.manual_seed(5)
    before = torch.get_rng_state()
    load_encoder(f"random:open_clip:local-dir:{open_clip_folder}", settings=settings)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("which", ["open_clip_folder", "clip_folder"])
def test_the_arithmetic_changes_the_digest(which: str, request: pytest.FixtureRequest) -> None:
    folder = request.getfixturevalue(which)
    family = "open_clip" if which.startswith("open") else "hf"
    assert digest(folder, family, dtype="bfloat16") != digest(folder, family)


def test_half_precision_stays_near_full_precision(
    open_clip_folder: Path, clip_folder: Path, settings: EncoderSettings
) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    for model_id in (f"open_clip:local-dir:{open_clip_folder}", f"hf:local-dir:{clip_folder}"):
        full = load_encoder(model_id, settings=settings)
        half = load_encoder(model_id, settings=replace(settings, dtype="bfloat16"))
        assert isinstance(full, Encoder)
        assert isinstance(half, Encoder)
        assert half.info.dtype == "bfloat16"
        for one, other in (
            (full.encode_images([picture]), half.encode_images([picture])),
            (full.encode_texts(["red"]), half.encode_texts(["red"])),
        ):
            assert other.dtype == np.float32
            assert np.abs(one - other).max() < 0.05 * np.abs(one).max()


def test_pooling_changes_the_digest_and_the_vectors(sentence_folder: Path, tmp_path: Path) -> None:
    def by_first_token(folder: Path) -> None:
        modes = {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps(modes))

    copy = copied(sentence_folder, tmp_path, by_first_token)
    assert digest(copy, "hf") != digest(sentence_folder, "hf")
    vectors = []
    for folder in (copy, sentence_folder):
        found = load_encoder(f"hf:local-dir:{folder}", settings=EncoderSettings(model_roots=(folder.parent,)))
        assert isinstance(found, Encoder)
        vectors.append(found.encode_texts(["a red square"]))
    assert not np.allclose(*vectors)


def test_quick_gelu_is_not_gelu(new_open_clip: Callable[..., Path], tmp_path: Path) -> None:
    # The same seed gives both folders the same weights.
    settings = EncoderSettings(device="cpu", model_roots=(tmp_path,))
    vectors = []
    for quick in (False, True):
        folder = new_open_clip(tmp_path / f"quick-{quick}", quick_gelu=quick)
        found = load_encoder(f"open_clip:local-dir:{folder}", settings=settings)
        assert isinstance(found, Encoder)
        vectors.append(found.encode_texts(["a red square"]))
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-4


def test_a_tag_decides_the_activation_not_the_architecture() -> None:
    import open_clip

    from bindscope.encoders.families.open_clip import tag_activation

    def activation(architecture: str, tag: str) -> bool:
        config, facts = open_clip.get_model_config(architecture), open_clip.get_pretrained_cfg(architecture, tag)
        return tag_activation(config, facts)

    assert activation("ViT-B-32", "openai")
    assert activation("ViT-B-32-quickgelu", "openai")
    assert not activation("ViT-B-32", "laion2b_s34b_b79k")


def test_the_digest_covers_every_field_and_where_one_ends() -> None:
    names = [field.name for field in fields(Fingerprint)]
    base = Fingerprint(*("x" for _ in names))
    digests = {replace(base, **{name: "y"}).digest for name in names} | {base.digest}
    assert len(digests) == len(names) + 1
    assert replace(base, family="xx", weights="").digest != replace(base, family="x", weights="x").digest
