"""transformers models: CLIP, SigLIP, SigLIP 2, DINOv2 (images only) and sentence embedders (text only, mean pooling).

Weights come from safetensors only, and no code from a model's folder is ever run.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bindscope.core.errors import BindscopeError, ModelUnavailable, in_one_line
from bindscope.core.hashing import canonical_json
from bindscope.encoders import folders
from bindscope.encoders.model_id import ModelId
from bindscope.encoders.protocol import (
    EncoderInfo,
    Fingerprint,
    Modality,
    Picture,
    code_version,
    tokenizer_identity,
    weights_bytes,
    weights_digest,
)
from bindscope.encoders.settings import EncoderSettings, prepared_device
from bindscope.encoders.silence_loaders import quiet_transformers
from bindscope.encoders.towers import ImageTower, Inputs, TextTower, TorchEncoder, with_shortcut

if TYPE_CHECKING:
    from torch import Tensor

#: Parts of a checkpoint that no vector depends on, by the start of their names.
_HEADS = ("cls.", "lm_head.", "classifier.", "vocab_", "qa_outputs.", "pooler.")
_VOLATILE = ("_name_or_path", "transformers_version", "architectures", "dtype", "torch_dtype")
_LISTED_KEYS = 5
#: A text tower's padding: SigLIP was trained on texts filled up to the context length.
_FILLED_UP = ("siglip", "siglip2")


def load_folder(folder: Path, settings: EncoderSettings, *, model: ModelId) -> TorchEncoder:
    """A folder in the hub's format. Raises ModelUnavailable that names what is missing or does not fit."""
    modalities, _ = folders.described("hf", folder)
    if model.seed is None:
        folders.existing_file(folder, folders.HF_WEIGHTS)
    try:
        return _build(str(folder), settings, model=model, modalities=modalities)
    except BindscopeError:
        raise
    except Exception as error:
        raise ModelUnavailable(f"Folder {folder.name!r} does not load: {in_one_line(error)}") from error


def load_hub(model: ModelId, settings: EncoderSettings) -> TorchEncoder:
    """A repository on the hub, where downloads are allowed (HF_HUB_OFFLINE is honoured). Raises ModelUnavailable."""
    if not settings.allow_downloads:
        raise ModelUnavailable(
            f"Model {model.text!r} is on a hub and downloads are off: set BINDSCOPE_ALLOW_DOWNLOADS=1, "
            "or put its folder below a model root and use hf:local-dir:PATH."
        )
    try:
        with quiet_transformers():
            from transformers import AutoConfig

            kind = AutoConfig.from_pretrained(model.name, trust_remote_code=False).model_type
        if kind not in folders.HF_TYPES:
            raise ModelUnavailable(
                f"{model.text!r} is a model of type {kind!r}. Supported types: {', '.join(folders.HF_TYPES)}."
            )
        return _build(model.name, settings, model=model, modalities=folders.HF_TYPES[kind])
    except BindscopeError:
        raise
    except Exception as error:
        raise ModelUnavailable(
            f"Model {model.text!r} could not be fetched or loaded: {in_one_line(error)} "
            "Check the network, or use a local folder."
        ) from error


def _build(source: str, settings: EncoderSettings, *, model: ModelId, modalities: tuple[Modality, ...]) -> TorchEncoder:
    device = prepared_device(settings)
    both = len(modalities) == 2
    net = _network(source, seed=model.seed, dtype=settings.dtype, sentences=modalities == ("text",))
    weights, config = weights_digest(net.state_dict(), seed=model.seed), net.config
    net = net.to(device)
    image, looks = _image_tower(source, net, both=both) if "image" in modalities else (None, {})
    pooling = "features" if both else "pooler_output"
    text: TextTower | None = None
    reads: dict[str, Any] = {}
    if both:
        text, reads = _text_tower(source, net)
    elif modalities == ("text",):
        pooling = _sentence_pooling(source)
        text, reads = _sentence_tower(source, net, pooling)
    fingerprint = Fingerprint(
        family=f"hf {config.model_type}",
        weights=weights,
        architecture=canonical_json(_settled(config.to_dict())),
        preprocessing=canonical_json(looks),
        tokenizer=canonical_json(reads),
        pooling=pooling,
        dtype=settings.dtype,
        code=code_version("transformers", "torch", "torchvision"),
    )
    info = EncoderInfo(
        id=model.text,
        family="random" if model.seed is not None else model.family,
        modalities=modalities,
        dim=_dim(config, both=both),
        fingerprint=fingerprint,
        preprocessing=f"{looks.get('image_processor_type', 'none')}, {image.pixels} px" if image else "none",
        dtype=settings.dtype,
        device=device,
        pixels=image.pixels if image else None,
        max_tokens=int(reads["length"]) if text else None,
        text_padding="longest" if reads.get("fill") is True else "full",
        weight_bytes=weights_bytes(net.state_dict()),
    )
    return TorchEncoder(info, image=image, text=text)


def _network(source: str, *, seed: int | None, dtype: str, sentences: bool) -> Any:
    with quiet_transformers():
        import torch
        from transformers import AutoConfig, AutoModel

        if seed is None:
            net, report = AutoModel.from_pretrained(
                source,
                dtype=getattr(torch, dtype),
                use_safetensors=True,
                trust_remote_code=False,
                # Only so that the report names them: _check then refuses.
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
            _check(report, sentences=sentences)
        else:
            config = AutoConfig.from_pretrained(source, trust_remote_code=False)
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed)
                net = AutoModel.from_config(config, trust_remote_code=False).to(getattr(torch, dtype))
    if sentences and hasattr(net, "pooler"):
        # Mean pooling never reads it, and a checkpoint without it would leave it random.
        net.pooler = None
    return net.eval().requires_grad_(False)


def _check(report: Any, *, sentences: bool) -> None:
    """Fails on weights that are missing, superfluous or of another shape: transformers would only log them."""
    skipped = _HEADS if sentences else ()
    problems = []
    kinds = {"missing": "missing_keys", "not in the model": "unexpected_keys", "of another shape": "mismatched_keys"}
    for label, key in kinds.items():
        names = sorted(str(name[0] if isinstance(name, tuple) else name) for name in report.get(key) or ())
        names = [n for n in names if not n.startswith(skipped) and not n.endswith("position_ids")]
        if names:
            more = ", ..." if len(names) > _LISTED_KEYS else ""
            problems.append(f"{label}: {', '.join(names[:_LISTED_KEYS])}{more}")
    if problems:
        raise ModelUnavailable(f"The weights do not fit the config ({'; '.join(problems)}): copy the folder again.")


def _settled(config: dict[str, Any]) -> dict[str, Any]:
    """The config without what differs between equal models."""
    return {
        key: _settled(value) if isinstance(value, dict) else value
        for key, value in config.items()
        if key not in _VOLATILE
    }


def _dim(config: Any, *, both: bool) -> int:
    if both and config.model_type == "clip":
        return int(config.projection_dim)
    if both:
        return int(config.vision_config.hidden_size)
    return int(config.hidden_size)


def _features(out: Any) -> "Tensor":
    """transformers 5 returns an output object, earlier ones the tensor."""
    pooled = out if not hasattr(out, "pooler_output") else out.pooler_output
    tensor: Tensor = pooled
    return tensor


def _image_tower(source: str, net: Any, *, both: bool) -> tuple[ImageTower, dict[str, Any]]:
    with quiet_transformers():
        from PIL import Image
        from transformers import AutoImageProcessor

        processor = AutoImageProcessor.from_pretrained(source, trust_remote_code=False)
    facts = _settled(processor.to_dict())

    def prepare(images: Sequence[Picture]) -> Inputs:
        # As PIL pictures: of an array with three rows transformers would have to guess which axis is colour.
        return dict(processor(images=[Image.fromarray(image) for image in images], return_tensors="pt"))

    def forward(inputs: Inputs) -> "Tensor":
        return _features(net.get_image_features(**inputs) if both else net(**inputs))

    tower = ImageTower(_pixels(processor, net.config), prepare, forward)
    if getattr(processor, "image_mean", None) is None:
        return tower, facts
    return with_shortcut(tower, processor.image_mean, processor.image_std), facts


def _pixels(processor: Any, config: Any) -> int:
    """Side of the picture that upstream's resize leaves alone."""
    size = dict(getattr(processor, "size", None) or {})
    sides = {int(size[key]) for key in ("height", "width", "shortest_edge") if size.get(key)}
    if not sides and getattr(processor, "max_num_patches", None):
        return int(processor.patch_size) * int(processor.max_num_patches**0.5)
    if len(sides) != 1:
        raise ModelUnavailable(f"The image processor resizes to {size}: only square pictures are supported.")
    return sides.pop()


def _text_tower(source: str, net: Any) -> tuple[TextTower, dict[str, Any]]:
    tokenizer = _tokenizer(source)
    length = _length(tokenizer, net.config.text_config.max_position_embeddings)
    padding: str | bool = "max_length" if net.config.model_type in _FILLED_UP else True

    def forward(inputs: Inputs) -> "Tensor":
        return _features(net.get_text_features(**inputs))

    facts = {**tokenizer_identity(tokenizer), "length": length, "fill": padding}
    return _reading(tokenizer, length, padding, forward), facts


def _sentence_tower(source: str, net: Any, pooling: str) -> tuple[TextTower, dict[str, Any]]:
    tokenizer = _tokenizer(source)
    length = _length(tokenizer, net.config.max_position_embeddings)
    trained = _optional_json(source, "sentence_bert_config.json").get("max_seq_length")
    if isinstance(trained, int):
        length = min(length, trained)

    def forward(inputs: Inputs) -> "Tensor":
        states = net(**inputs).last_hidden_state
        if pooling == "cls":
            first: Tensor = states[:, 0]
            return first
        mask = inputs["attention_mask"].unsqueeze(-1).to(states.dtype)
        mean: Tensor = (states * mask).sum(1) / mask.sum(1).clamp(min=1e-9)
        return mean

    return _reading(tokenizer, length, True, forward), {**tokenizer_identity(tokenizer), "length": length, "fill": True}


def _sentence_pooling(source: str) -> str:
    """What the folder's pooling config says; the mean over the attention mask where it says nothing."""
    config = _optional_json(source, "1_Pooling/config.json")
    modes = {key.removeprefix("pooling_mode_") for key, on in config.items() if key.startswith("pooling_mode_") and on}
    if not modes or modes == {"mean_tokens"}:
        return "mean"
    if modes == {"cls_token"}:
        return "cls"
    raise ModelUnavailable(f"The model pools by {', '.join(sorted(modes))}: only mean and cls pooling are supported.")


def _optional_json(source: str, name: str) -> dict[str, Any]:
    with quiet_transformers():
        from transformers.utils import cached_file

        found = cached_file(source, name, _raise_exceptions_for_missing_entries=False)
    return folders.read_json(Path(found)) if found else {}


def _tokenizer(source: str) -> Any:
    with quiet_transformers():
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(source, trust_remote_code=False)


def _length(tokenizer: Any, positions: int) -> int:
    # A tokenizer without a limit reports a number of thirty digits.
    return int(min(tokenizer.model_max_length, positions))


def _reading(tokenizer: Any, length: int, padding: str | bool, forward: Any) -> TextTower:
    def tokenize(texts: Sequence[str]) -> Inputs:
        return dict(tokenizer(list(texts), padding=padding, truncation=True, max_length=length, return_tensors="pt"))

    def count(texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in tokenizer(list(texts), truncation=False, padding=False, verbose=False)["input_ids"]]

    return TextTower(tokenize, forward, count)
