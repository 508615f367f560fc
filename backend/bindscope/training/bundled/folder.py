"""A trained model as an open_clip folder: config, safetensors, tokenizer and card."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bindscope.scenes.render import BACKGROUND
from bindscope.training.bundled.config import CONTEXT_LENGTH, PIXELS, BundledSpec
from bindscope.training.bundled.vocabulary import WORD_IDS, build_tokenizer

if TYPE_CHECKING:
    from open_clip import CLIP

#: The background is the origin of the network's input.
MEAN = tuple(round(channel / 255, 6) for channel in BACKGROUND)
STD = (0.3, 0.3, 0.3)

# A small residual network, pooled over places: where an object stands changes little of its share in the vector.
_VISION: Mapping[str, Any] = {"timm_model_name": "test_resnet", "timm_pool": "avg", "timm_proj": "linear"}


def model_config(spec: BundledSpec) -> dict[str, Any]:
    """open_clip's ``model_cfg``."""
    return {
        "embed_dim": spec.embed_dim,
        "vision_cfg": {"image_size": PIXELS, **_VISION},
        "text_cfg": {
            "context_length": CONTEXT_LENGTH,
            "vocab_size": len(WORD_IDS),
            # open_clip reads the tokenizer from the folder itself wherever this name is set.
            "hf_tokenizer_name": "local",
            "width": spec.text_width,
            "heads": spec.text_width // 32,
            "layers": spec.text_layers,
        },
    }


def build_model(spec: BundledSpec) -> "CLIP":
    """The network with fresh weights drawn from torch's global generator."""
    from open_clip import CLIP

    config = model_config(spec)
    return CLIP(config["embed_dim"], config["vision_cfg"], config["text_cfg"])


def write_folder(model: "CLIP", spec: BundledSpec, *, out: Path, card: Mapping[str, Any]) -> None:
    """Write the folder that ``open_clip.create_model_and_transforms("local-dir:...")`` loads."""
    from safetensors.torch import save_file

    out.mkdir(parents=True, exist_ok=True)
    preprocessing = {"mean": MEAN, "std": STD, "interpolation": "bicubic", "resize_mode": "shortest"}
    config = {"model_cfg": model_config(spec), "preprocess_cfg": preprocessing}
    _write_json(out / "open_clip_config.json", config)
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    save_file(tensors, out / "open_clip_model.safetensors", metadata={"format": "pt"})
    build_tokenizer(CONTEXT_LENGTH).save_pretrained(str(out))
    write_card(out, card)


def write_card(out: Path, card: Mapping[str, Any]) -> None:
    """Write or replace ``card.json``: settings, seed, seconds, held-out objects, figures."""
    _write_json(out / "card.json", card)


def read_card(folder: Path) -> dict[str, Any]:
    """The folder's ``card.json``."""
    card: dict[str, Any] = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    return card


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
