"""Which models there are, and how each is loaded. Listing imports nothing heavy."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

from bindscope.core.errors import ModelUnavailable, UnknownName
from bindscope.encoders import folders, trained_runs
from bindscope.encoders.families import bundled, precomputed, repaired
from bindscope.encoders.families.synthetic import DIM, ORACLES, SyntheticEncoder
from bindscope.encoders.model_id import BUNDLED, ModelId, parse_model_id
from bindscope.encoders.protocol import Encoder, Modality, SceneReader
from bindscope.encoders.settings import EncoderSettings

__all__ = ["EncoderSettings", "ModelEntry", "list_models", "load_encoder"]

BOTH: tuple[Modality, ...] = ("image", "text")


@dataclass(frozen=True)
class ModelEntry:
    """One model that can be named. ``available``: its files are here, or may be downloaded."""

    id: str
    family: str
    modalities: tuple[Modality, ...]
    dim: int | None
    source: str
    available: bool


@dataclass(frozen=True)
class _Family:
    """How models of one family are loaded, and the library that this takes."""

    load: Callable[[ModelId, EncoderSettings], Encoder | SceneReader]
    needs: tuple[str, ...]


def _synthetic(model: ModelId, settings: EncoderSettings) -> SceneReader:
    return SyntheticEncoder(model.name)


def _bundled(model: ModelId, settings: EncoderSettings) -> Encoder:
    return bundled.load(model, settings)


def _open_clip(model: ModelId, settings: EncoderSettings) -> Encoder:
    from bindscope.encoders.families import open_clip as openclip

    if not model.local:
        return openclip.load_tag(model, settings)
    folder = folders.folder_below_roots(model.name, settings.model_roots)
    return openclip.load_folder(folder, settings, model=model)


def _hf(model: ModelId, settings: EncoderSettings) -> Encoder:
    from bindscope.encoders.families import hf as huggingface

    if not model.local:
        return huggingface.load_hub(model, settings)
    folder = folders.folder_below_roots(model.name, settings.model_roots)
    return huggingface.load_folder(folder, settings, model=model)


def _controlled(model: ModelId, settings: EncoderSettings) -> Encoder | SceneReader:
    from bindscope.encoders.families import trained as controlled

    return controlled.load(model, settings)


def _repaired(model: ModelId, settings: EncoderSettings) -> Encoder | SceneReader:
    return repaired.load(model, settings.repairs, lambda base: load_encoder(base, settings=settings))


def _precomputed(model: ModelId, settings: EncoderSettings) -> Encoder | SceneReader:
    return precomputed.load(model, settings.uploads)


#: The families.
FAMILIES: Mapping[str, _Family] = {
    "bundled": _Family(_bundled, ("torch", "open_clip", "transformers")),
    "open_clip": _Family(_open_clip, ("torch", "open_clip")),
    "hf": _Family(_hf, ("torch", "transformers")),
    "synthetic": _Family(_synthetic, ()),
    "controlled": _Family(_controlled, ("torch", "safetensors")),
    "repaired": _Family(_repaired, ()),
    "precomputed": _Family(_precomputed, ()),
}

#: Hub models worth naming; any other ``open_clip:ARCHITECTURE/TAG`` or ``hf:OWNER/NAME`` may be asked for as well.
HUB_MODELS: tuple[tuple[str, tuple[Modality, ...], int], ...] = (
    ("open_clip:ViT-B-32/openai", BOTH, 512),
    ("open_clip:ViT-B-32/laion2b_s34b_b79k", BOTH, 512),
    ("hf:openai/clip-vit-base-patch32", BOTH, 512),
    ("hf:google/siglip2-base-patch16-256", BOTH, 768),
    ("hf:facebook/dinov2-base", ("image",), 768),
    ("hf:sentence-transformers/all-MiniLM-L6-v2", ("text",), 384),
)


def list_models(settings: EncoderSettings) -> list[ModelEntry]:
    """All models that have a name here: bundled, oracles, trained runs, repairs, local folders, well-known hub ones."""
    own = (
        *_listed_controlled(settings),
        *_listed_repaired(settings),
        *_listed_precomputed(settings),
        *_listed_folders(settings),
    )
    return [*_listed_bundled(), *_listed_synthetic(), *own, *_listed_hub(settings)]


def load_encoder(model_id: str, *, settings: EncoderSettings) -> Encoder | SceneReader:
    """Loads a model. Raises UnknownName, InvalidInput (folder outside the roots), ModelUnavailable."""
    try:
        model = parse_model_id(model_id)
    except UnknownName:
        raise UnknownName("model", model_id, [entry.id for entry in list_models(settings)]) from None
    family = FAMILIES[model.family]
    missing = _missing(family.needs)
    if missing:
        raise ModelUnavailable(
            f"Model {model_id!r} needs the Python packages {', '.join(missing)}: pip install 'bindscope[service]'."
        )
    return family.load(model, settings)


def _missing(packages: tuple[str, ...]) -> list[str]:
    return [name for name in packages if find_spec(name) is None]


def _runs(family: str) -> bool:
    return not _missing(FAMILIES[family].needs)


def _listed_bundled() -> Iterator[ModelEntry]:
    runs = _runs("bundled")
    entry = partial(ModelEntry, family="bundled")
    for name in BUNDLED:
        facts = bundled.facts(name)
        yield entry(
            f"bundled:{name}",
            modalities=facts.modalities,
            dim=facts.dim,
            source=facts.source,
            available=facts.present and runs,
        )
    twin = bundled.facts("tiny-bind")
    yield ModelEntry("random:bundled:tiny-bind", "random", BOTH, twin.dim, "random weights", twin.present and runs)


def _listed_synthetic() -> Iterator[ModelEntry]:
    for name in ORACLES:
        yield ModelEntry(f"synthetic:{name}", "synthetic", BOTH, DIM, "closed form", True)


def _listed_controlled(settings: EncoderSettings) -> Iterator[ModelEntry]:
    runs = _runs("controlled")
    for run in trained_runs.listed(settings.runs):
        space = run.config.space
        yield ModelEntry(f"controlled:{run.id}", "controlled", BOTH, run.config.dim, f"trained here on {space}", runs)


def _listed_repaired(settings: EncoderSettings) -> Iterator[ModelEntry]:
    for found in repaired.listed(settings.repairs):
        yield ModelEntry(f"repaired:{found.id}", "repaired", BOTH, found.dim, f"{found.model}, repaired here", True)


def _listed_precomputed(settings: EncoderSettings) -> Iterator[ModelEntry]:
    for model_id, modalities, dim in precomputed.listed(settings.uploads):
        yield ModelEntry(model_id, "precomputed", modalities, dim, "uploaded vectors", True)


def _listed_folders(settings: EncoderSettings) -> Iterator[ModelEntry]:
    for family, folder in folders.model_folders(settings.model_roots):
        try:
            modalities, dim = folders.described(family, folder)
        except ModelUnavailable:
            continue
        weights = folders.OPEN_CLIP_WEIGHTS if family == "open_clip" else folders.HF_WEIGHTS
        present = any((folder / name).is_file() for name in weights)
        yield ModelEntry(
            f"{family}:local-dir:{folder}", family, modalities, dim, "local folder", present and _runs(family)
        )


def _listed_hub(settings: EncoderSettings) -> Iterator[ModelEntry]:
    for model_id, modalities, dim in HUB_MODELS:
        family = model_id.partition(":")[0]
        yield ModelEntry(model_id, family, modalities, dim, "hub", settings.allow_downloads and _runs(family))
