"""open_clip models: folders in its own format, and hub tags where downloads are allowed.

Without weights open_clip would hand out random ones with a mere log line: here that happens only for a twin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bindscope.core.errors import BindscopeError, ModelUnavailable, UnknownName, in_one_line
from bindscope.core.hashing import canonical_json, digest_of_parts
from bindscope.encoders import folders
from bindscope.encoders.model_id import ModelId
from bindscope.encoders.protocol import (
    EncoderInfo,
    Fingerprint,
    Picture,
    code_version,
    tokenizer_identity,
    weights_bytes,
    weights_digest,
)
from bindscope.encoders.settings import EncoderSettings, prepared_device
from bindscope.encoders.silence_loaders import quiet_open_clip, quiet_transformers
from bindscope.encoders.towers import ImageTower, Inputs, TextTower, TorchEncoder, with_shortcut

if TYPE_CHECKING:
    from torch import Tensor

_PRECISION = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
_LISTED_KEYS = 5


@dataclass(frozen=True)
class _Source:
    """Where a model comes from: the name that open_clip resolves, its weights file, and overrides."""

    name: str
    config: dict[str, Any]
    checkpoint: Path | None
    preprocess: dict[str, Any]
    quick_gelu: bool | None = None


def load_folder(folder: Path, settings: EncoderSettings, *, model: ModelId) -> TorchEncoder:
    """A folder with open_clip_config.json, safetensors weights and, where it has its own, a tokenizer.

    Raises ModelUnavailable that names what is missing or does not fit.
    """
    config = folders.read_json(folder / folders.OPEN_CLIP_CONFIG)
    body = config.get("model_cfg")
    if not isinstance(body, dict) or not all(key in body for key in ("embed_dim", "vision_cfg", "text_cfg")):
        raise ModelUnavailable(
            f"{folders.OPEN_CLIP_CONFIG} in folder {folder.name!r} needs 'model_cfg' with embed_dim, vision_cfg "
            "and text_cfg."
        )
    if "trust_remote_code" in canonical_json(config):
        raise ModelUnavailable(f"Folder {folder.name!r} asks to run code of its own: Bindscope never does.")
    checkpoint = None if model.seed is not None else folders.existing_file(folder, folders.OPEN_CLIP_WEIGHTS)
    source = _Source(f"local-dir:{folder}", body, checkpoint, {})
    try:
        return _build(source, settings, model=model)
    except BindscopeError:
        raise
    except Exception as error:
        raise ModelUnavailable(f"Folder {folder.name!r} does not load: {in_one_line(error)}") from error


def load_tag(model: ModelId, settings: EncoderSettings) -> TorchEncoder:
    """``ARCHITECTURE/TAG`` of open_clip. The weights need downloads to be allowed; a random twin does not.

    Raises ModelUnavailable, UnknownName.
    """
    if model.seed is None and not settings.allow_downloads:
        raise ModelUnavailable(
            f"Model {model.text!r} is on a hub and downloads are off: set BINDSCOPE_ALLOW_DOWNLOADS=1, "
            "or put its folder below a model root and use open_clip:local-dir:PATH."
        )
    architecture, tag = model.name.split("/", 1)
    with quiet_open_clip():
        import open_clip

        config = open_clip.get_model_config(architecture)
        if config is None:
            raise UnknownName("open_clip architecture", architecture, open_clip.list_models())
        tags = open_clip.list_pretrained_tags_by_model(architecture)
        if tag not in tags:
            raise UnknownName(f"weights tag of {architecture}", tag, tags)
        facts = open_clip.get_pretrained_cfg(architecture, tag)
    try:
        with quiet_open_clip():
            checkpoint = None if model.seed is not None else Path(open_clip.download_pretrained(facts))
        preprocess = {key: facts[key] for key in ("mean", "std", "interpolation", "resize_mode") if facts.get(key)}
        quick_gelu = tag_activation(config, facts)
        return _build(_Source(architecture, config, checkpoint, preprocess, quick_gelu), settings, model=model)
    except BindscopeError:
        raise
    except Exception as error:
        raise ModelUnavailable(
            f"Model {model.text!r} could not be fetched or loaded: {in_one_line(error)} "
            "Check the network, or use a local folder."
        ) from error


def tag_activation(config: dict[str, Any], facts: dict[str, Any]) -> bool:
    """Whether the weights of a tag were trained with QuickGELU: the tag decides, not the architecture's default.

    ``ViT-B-32`` with the ``openai`` weights is the trap: the config says GELU and the vectors come out wrong.
    """
    return bool(facts.get("quick_gelu", config.get("quick_gelu", False)))


def _build(source: _Source, settings: EncoderSettings, *, model: ModelId) -> TorchEncoder:
    device = prepared_device(settings)
    net = _network(source, _PRECISION[settings.dtype], seed=model.seed)
    weights = weights_digest(net.state_dict(), seed=model.seed)
    net = net.to(device)
    tokenizer, text = _text_tower(source, net)
    image, preprocess = _image_tower(net)
    libraries = ["open_clip_torch", "torch", "transformers"]
    if "timm_model_name" in source.config["vision_cfg"]:
        libraries.append("timm")
    config = {**source.config, **({} if source.quick_gelu is None else {"quick_gelu": source.quick_gelu})}
    fingerprint = Fingerprint(
        family="open_clip",
        weights=weights,
        architecture=canonical_json(config),
        preprocessing=canonical_json(preprocess),
        tokenizer=canonical_json(tokenizer),
        pooling="open_clip",
        dtype=settings.dtype,
        code=code_version(*libraries),
    )
    resizing = f"{preprocess['resize_mode']} resize, {preprocess['interpolation']}"
    info = EncoderInfo(
        id=model.text,
        family="random" if model.seed is not None else model.family,
        modalities=("image", "text"),
        dim=int(source.config["embed_dim"]),
        fingerprint=fingerprint,
        preprocessing=f"open_clip, {image.pixels} px, {resizing}",
        dtype=settings.dtype,
        device=device,
        pixels=image.pixels,
        max_tokens=int(tokenizer["context_length"]),
        weight_bytes=weights_bytes(net.state_dict()),
    )
    return TorchEncoder(info, image=image, text=text)


def _network(source: _Source, precision: str, *, seed: int | None) -> Any:
    """The architecture on the CPU, with the checkpoint's weights or, with a seed, random ones."""
    with quiet_open_clip(), quiet_transformers():
        import open_clip
        import torch

        override = {} if source.quick_gelu is None else {"quick_gelu": source.quick_gelu}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed or 0)
            net = open_clip.create_model(
                source.name,
                load_weights=False,
                precision=precision,
                pretrained_text=False,
                force_preprocess_cfg=source.preprocess,
                **override,
            )
        if source.checkpoint is not None:
            _fill(net, source.checkpoint)
        elif seed is None:
            raise ModelUnavailable(f"There are no weights for {source.name!r}: only a random: twin goes without.")
    return net.eval().requires_grad_(False)


def _fill(net: Any, checkpoint: Path) -> None:
    """Loads the weights and fails on any that are missing, superfluous or of another shape."""
    import open_clip

    try:
        if checkpoint.suffix == ".safetensors":
            _check_shapes(net, checkpoint)
        open_clip.load_checkpoint(net, str(checkpoint), strict=True, weights_only=True, device="cpu")
    except BindscopeError:
        raise
    except Exception as error:
        raise ModelUnavailable(f"{checkpoint.name} does not fit the config: {in_one_line(error)}") from error


def _check_shapes(net: Any, checkpoint: Path) -> None:
    # open_clip would stretch position embeddings of another length with no more than a log line.
    from safetensors import safe_open

    own = {name: list(tensor.shape) for name, tensor in net.state_dict().items() if tensor.ndim}
    with safe_open(str(checkpoint), framework="pt") as stored:
        wrong = [
            f"{name} is {stored.get_slice(name).get_shape()} and should be {own[name]}"
            for name in stored.keys()  # noqa: SIM118 (not a dict)
            if name in own and stored.get_slice(name).get_shape() != own[name]
        ]
    if wrong:
        raise ModelUnavailable(f"{checkpoint.name} does not fit the config: {'; '.join(wrong[:_LISTED_KEYS])}.")


def _image_tower(net: Any) -> tuple[ImageTower, dict[str, Any]]:
    import open_clip
    import torch
    from open_clip.transform import PreprocessCfg
    from PIL import Image

    facts = dict(net.visual.preprocess_cfg)
    size = facts["size"]
    sides = (size, size) if isinstance(size, int) else tuple(size)
    if sides[0] != sides[1]:
        raise ModelUnavailable(f"The model wants pictures of {sides[0]} x {sides[1]}: only square ones are supported.")
    transform = open_clip.transform.image_transform_v2(PreprocessCfg(**facts), is_train=False)

    def prepare(images: Sequence[Picture]) -> Inputs:
        return {"pixel_values": torch.stack([transform(Image.fromarray(image)) for image in images])}

    def forward(inputs: Inputs) -> "Tensor":
        features: Tensor = net.encode_image(inputs["pixel_values"], normalize=False)
        return features

    tower = ImageTower(int(sides[0]), prepare, forward)
    return with_shortcut(tower, facts["mean"], facts["std"]), facts


def _text_tower(source: _Source, net: Any) -> tuple[dict[str, Any], TextTower]:
    with quiet_open_clip(), quiet_transformers():
        import open_clip

        tokenizer = open_clip.get_tokenizer(source.name)
    length = int(tokenizer.context_length)

    def count(texts: Sequence[str]) -> list[int]:
        inner = getattr(tokenizer, "tokenizer", None)
        if inner is None:
            return [len(tokenizer.encode(text)) + 2 for text in texts]
        return [len(inner(tokenizer.clean_fn(text), truncation=False, verbose=False)["input_ids"]) for text in texts]

    def forward(inputs: Inputs) -> "Tensor":
        features: Tensor = net.encode_text(inputs["input_ids"], normalize=False)
        return features

    tower = TextTower(lambda texts: {"input_ids": tokenizer(list(texts))}, forward, count, full=True)
    return _tokenizer_facts(tokenizer, length), tower


def _tokenizer_facts(tokenizer: Any, length: int) -> dict[str, Any]:
    inner = getattr(tokenizer, "tokenizer", None)
    rules = tokenizer_identity(inner) if inner is not None else digest_of_parts([canonical_json(tokenizer.encoder)])
    return {
        "class": type(tokenizer).__name__,
        "rules": rules,
        "context_length": length,
        "clean": getattr(tokenizer.clean_fn, "__name__", ""),
        "strip_sep": bool(getattr(tokenizer, "strip_sep_token", False)),
        "mode": getattr(tokenizer, "tokenizer_mode", ""),
    }
