"""Local model folders: where they may lie, what must be in them, and what their configs say."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bindscope.core.errors import InvalidInput, ModelUnavailable
from bindscope.encoders.protocol import Modality

OPEN_CLIP_CONFIG = "open_clip_config.json"
#: Weight files of an open_clip folder, the first that exists is taken.
OPEN_CLIP_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors", "model.safetensors")
HF_CONFIG = "config.json"
HF_WEIGHTS = ("model.safetensors", "model.safetensors.index.json")
_MAX_CONFIG = 5_000_000
_SCAN_LIMIT = 200


def folder_below_roots(path: str, roots: Sequence[Path]) -> Path:
    """The folder that a ``local-dir:`` id means; a relative path is looked up below each root.

    Raises InvalidInput when it lies outside the roots (links followed), whether or not it exists there, and
    ModelUnavailable when it is below a root and missing.
    """
    asked = Path(path)
    inside: list[Path] = []
    try:
        for root in roots:
            whole = root.resolve()
            candidate = (whole / asked).resolve()
            if candidate.is_relative_to(whole):
                inside.append(candidate)
        found = next((candidate for candidate in inside if candidate.is_dir()), None)
    except (OSError, RuntimeError, ValueError) as error:
        raise InvalidInput(f"{path!r} is not a usable folder name: {type(error).__name__}.") from error
    if found is not None:
        return found
    if not inside:
        raise InvalidInput(
            f"Folder {path!r} is not below one of the model roots: "
            "add the folder that holds it to BINDSCOPE_MODEL_ROOTS and start the service again."
        )
    raise ModelUnavailable(f"There is no folder {path!r}: put the model's files there, or correct the id.")


def existing_file(folder: Path, names: Sequence[str]) -> Path:
    """The first of ``names`` in the folder. Raises ModelUnavailable that says what is missing."""
    for name in names:
        if (folder / name).is_file():
            return folder / name
    wanted = " or ".join(names[:2])
    raise ModelUnavailable(f"Folder {folder.name!r} has no {wanted}: copy the file there (safetensors only).")


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises ModelUnavailable when the file is missing, too large or no object."""
    try:
        if path.stat().st_size > _MAX_CONFIG:
            raise ModelUnavailable(f"{path.name} in folder {path.parent.name!r} is too large for a config.")
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelUnavailable(
            f"Cannot read {path.name} in folder {path.parent.name!r} ({type(error).__name__}): "
            "copy the model's folder again."
        ) from error
    if not isinstance(data, dict):
        raise ModelUnavailable(f"{path.name} in folder {path.parent.name!r} must hold a JSON object.")
    return data


def model_folders(roots: Sequence[Path]) -> Iterator[tuple[str, Path]]:
    """(family, folder) of the folders one or two levels below the roots that look like models."""
    seen: set[Path] = set()
    for root in roots:
        try:
            below = [p for pattern in ("*", "*/*") for p in sorted(root.glob(pattern))[:_SCAN_LIMIT] if p.is_dir()]
            own = root.resolve()
            resolved = [p.resolve() for p in below]
        except OSError:
            continue
        for folder in resolved:
            if folder in seen or not folder.is_relative_to(own):
                continue
            seen.add(folder)
            if (folder / OPEN_CLIP_CONFIG).is_file():
                yield "open_clip", folder
            elif (folder / HF_CONFIG).is_file():
                yield "hf", folder


#: What each supported ``model_type`` of a transformers config reads. The rest of the types are refused by name.
HF_TYPES: Mapping[str, tuple[Modality, ...]] = {
    "clip": ("image", "text"),
    "siglip": ("image", "text"),
    "siglip2": ("image", "text"),
    "dinov2": ("image",),
    "dinov2_with_registers": ("image",),
    "bert": ("text",),
    "roberta": ("text",),
    "xlm-roberta": ("text",),
    "mpnet": ("text",),
    "distilbert": ("text",),
}


def described(family: str, folder: Path) -> tuple[tuple[Modality, ...], int | None]:
    """Modalities and dim that a folder's config states. Raises ModelUnavailable for what is not supported."""
    if family == "open_clip":
        body = read_json(folder / OPEN_CLIP_CONFIG).get("model_cfg")
        dim = body.get("embed_dim") if isinstance(body, dict) else None
        return ("image", "text"), dim if isinstance(dim, int) else None
    config = read_json(folder / HF_CONFIG)
    kind = str(config.get("model_type"))
    if kind not in HF_TYPES:
        raise ModelUnavailable(
            f"Folder {folder.name!r} holds a model of type {kind!r}. Supported types: {', '.join(HF_TYPES)}."
        )
    vision = config.get("vision_config")
    sources = (config, vision if isinstance(vision, dict) else {})
    keys = ("projection_dim",) if kind == "clip" else ("hidden_size", "dim")
    dims = [source[key] for source in sources for key in keys if isinstance(source.get(key), int)]
    return HF_TYPES[kind], dims[0] if dims else None
