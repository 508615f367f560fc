"""Small random models saved as local folders in the formats of their own libraries."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bindscope.encoders.protocol import Picture
from bindscope.encoders.registry import EncoderSettings
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.controlled import ControlledConfig
from bindscope.store.artifacts import Artifacts

WORDS = ["a", "and", "the", "of", "photo", "red", "blue", "green", "square", "circle", "triangle", "cross"]
TEXTS = [
    "a red square and a blue circle",
    "a blue square and a red circle",
    "A photo of THE green triangle.",
    "red",
    "circle  and\tcross",
    "a " * 200 + "square",
]


def save_open_clip(folder: Path, *, quick_gelu: bool = False, words: bool = False, pixels: int = 32) -> Path:
    import open_clip
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    text: dict[str, object] = {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}
    if words:
        word_tokenizer().save_pretrained(folder)
        text |= {"vocab_size": len(WORDS) + 4, "context_length": 24, "hf_tokenizer_name": "own", "eos_id": 3}
        text |= {"pool_type": "eos", "pad_id": 0}
    model = {
        "embed_dim": 24,
        "quick_gelu": quick_gelu,
        "vision_cfg": {"image_size": pixels, "layers": 2, "width": 32, "head_width": 16, "patch_size": 8},
        "text_cfg": text,
    }
    preprocess = {
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.25, 0.3],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }
    config = {"model_cfg": model, "preprocess_cfg": preprocess}
    (folder / "open_clip_config.json").write_text(json.dumps(config))
    torch.manual_seed(11)
    net = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    save_file({k: v.contiguous() for k, v in net.state_dict().items()}, folder / "open_clip_model.safetensors")
    return folder


def word_tokenizer() -> Any:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<unk>", "<s>", "</s>"]
    rules = Tokenizer(models.WordLevel({w: i for i, w in enumerate([*special, *WORDS])}, unk_token="<unk>"))
    rules.normalizer = normalizers.Lowercase()
    rules.pre_tokenizer = pre_tokenizers.Whitespace()
    rules.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 2), ("</s>", 3)])
    return PreTrainedTokenizerFast(
        tokenizer_object=rules, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def settings(root: Path) -> EncoderSettings:
    return EncoderSettings(device="cpu", model_roots=(root,))


class FolderRuns:
    """Runs as folders, as the service keeps them."""

    def __init__(self, url: str) -> None:
        self._artifacts = Artifacts(url)

    def ids(self) -> list[str]:
        return self._artifacts.listed(())

    def read(self, run_id: str, name: str) -> bytes:
        return self._artifacts.folder(run_id).read(name)


@pytest.fixture(scope="session")
def run_settings(settings: EncoderSettings, tmp_path_factory: pytest.TempPathFactory) -> EncoderSettings:
    """A run on tokens, one on pictures, and one that was stopped."""
    from bindscope.training.controlled.train import train_controlled

    at = str(tmp_path_factory.mktemp("runs"))
    config = ControlledConfig(
        "shapes2d", width=16, heads=2, feedforward=32, dim=12, steps=3, batch=8, evaluation_scenes=8, test_scenes=8
    )
    for name, inputs in (("tokens", "tokens"), ("pictures", "images")):
        own = replace(config, inputs=inputs, pixels=32)  # type: ignore[arg-type]
        train_controlled(
            own, BUILTIN_SPACES["shapes2d"], folder=Artifacts(at).folder(name), report=lambda progress: None
        )
    whole = Artifacts(at).folder("tokens")
    for part in ("config.json", "model.safetensors"):
        Artifacts(at).folder("unfinished").write(part, whole.read(part))
    return replace(settings, runs=FolderRuns(at))


@pytest.fixture(scope="session")
def pictures() -> Callable[[int], list[Picture]]:
    def make(side: int) -> list[Picture]:
        rng = np.random.default_rng(7)
        shapes = [(side, side), (48, 80), (80, 48), (3, 5), (1, 1), (200, 200), (side, side), (side, side + 1)]
        return [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in shapes]

    return make


@pytest.fixture(scope="session")
def texts() -> list[str]:
    return TEXTS


@pytest.fixture(scope="session")
def new_open_clip() -> Callable[..., Path]:
    return save_open_clip


@pytest.fixture(scope="session")
def open_clip_folder(root: Path) -> Path:
    return save_open_clip(root / "oc")


@pytest.fixture(scope="session")
def open_clip_words_folder(root: Path) -> Path:
    return save_open_clip(root / "oc-words", words=True)


@pytest.fixture(scope="session")
def clip_folder(root: Path) -> Path:
    import torch
    from tokenizers.pre_tokenizers import ByteLevel
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPTokenizer

    letters = sorted(ByteLevel.alphabet())
    merges = [("r", "e"), ("re", "d</w>"), ("a", "n"), ("an", "d</w>"), ("b", "l"), ("bl", "u"), ("blu", "e</w>")]
    vocab = [*letters, *(f"{x}</w>" for x in letters), *("".join(m) for m in merges)]
    vocab += ["<|startoftext|>", "<|endoftext|>"]
    tokenizer = CLIPTokenizer(vocab={t: i for i, t in enumerate(vocab)}, merges=merges, model_max_length=77)
    ends = {"eos_token_id": len(vocab) - 1, "bos_token_id": len(vocab) - 2, "pad_token_id": len(vocab) - 1}
    small = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_hidden_layers": 2}
    config = CLIPConfig(
        text_config={**small, **ends, "vocab_size": len(vocab), "max_position_embeddings": 77},
        vision_config={**small, "image_size": 32, "patch_size": 8},
        projection_dim=24,
    )
    torch.manual_seed(12)
    folder = root / "nested" / "clip"
    CLIPModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def siglip_folder(root: Path) -> Path:
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, SiglipConfig, SiglipImageProcessor, SiglipModel

    pieces = [("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0), *((f"▁{w}", -3.0) for w in WORDS)]
    pieces += [(letter, -8.0) for letter in "abcdefghijklmnopqrstuvwxyz."]
    rules = Tokenizer(models.Unigram(pieces, unk_id=1))
    rules.normalizer = normalizers.Lowercase()
    rules.pre_tokenizer = pre_tokenizers.Metaspace()
    rules.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 0)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=rules,
        pad_token="</s>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=64,
        model_input_names=["input_ids"],
    )
    small = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_hidden_layers": 2}
    config = SiglipConfig(
        text_config={**small, "vocab_size": len(pieces), "max_position_embeddings": 64, "projection_size": 32},
        vision_config={**small, "image_size": 32, "patch_size": 8},
    )
    torch.manual_seed(13)
    folder = root / "siglip"
    SiglipModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    SiglipImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def siglip2_folder(root: Path) -> Path:
    import torch
    from transformers import Siglip2Config, Siglip2ImageProcessor, Siglip2Model, Siglip2Tokenizer

    letters = "abcdefghijklmnopqrstuvwxyz.▁"
    vocab = {t: i for i, t in enumerate(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", *letters, "re", "red"])}
    tokenizer = Siglip2Tokenizer(vocab=vocab, merges=[("r", "e"), ("re", "d")], model_max_length=64)
    small = {"hidden_size": 32, "intermediate_size": 48, "num_attention_heads": 2, "num_hidden_layers": 2}
    config = Siglip2Config(
        text_config={**small, "vocab_size": len(vocab), "max_position_embeddings": 64, "projection_size": 32},
        vision_config={**small, "num_patches": 16, "patch_size": 8},
    )
    torch.manual_seed(14)
    folder = root / "siglip2"
    Siglip2Model(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    Siglip2ImageProcessor(patch_size=8, max_num_patches=16).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def dinov2_folder(root: Path) -> Path:
    import torch
    from transformers import BitImageProcessor, Dinov2Config, Dinov2Model

    config = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=32, patch_size=8)
    torch.manual_seed(15)
    folder = root / "dinov2"
    Dinov2Model(config).save_pretrained(folder)
    BitImageProcessor(size={"shortest_edge": 40}, crop_size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def sentence_folder(root: Path) -> Path:
    import torch
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=len(WORDS) + 4,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=40,
    )
    torch.manual_seed(16)
    folder = root / "sentences"
    BertModel(config).save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return folder
