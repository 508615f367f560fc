"""Loads the bundled models without open_clip, whose import takes longer than everything else: the same vectors."""

import html
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from bindscope.core.errors import ModelUnavailable
from bindscope.core.hashing import canonical_json, digest_of_parts
from bindscope.encoders import folders
from bindscope.encoders.fingerprinting import code_version, weights_bytes, weights_digest
from bindscope.encoders.model_id import ModelId
from bindscope.encoders.protocol import EncoderInfo, Fingerprint, Picture
from bindscope.encoders.settings import EncoderSettings, prepared_device
from bindscope.encoders.towers import ImageTower, Inputs, TextTower, TorchEncoder, normalised, with_shortcut

if TYPE_CHECKING:
    from torch import Tensor

    from bindscope.models.tiny_clip import TinyClip


def load(folder: Path, settings: EncoderSettings, *, model: ModelId) -> TorchEncoder:
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
