"""What a number was made with."""

from functools import cache
from importlib import metadata

from bindscope import __version__
from bindscope.core.wire import Provenance
from bindscope.encoders.protocol import EncoderInfo
from bindscope.scenes.render import RENDERER_VERSION


def provenance(
    info: EncoderInfo,
    *,
    space: str | None = None,
    template: str | None = None,
    seed: int | None = None,
    dataset: str | None = None,
) -> Provenance:
    """Provenance of a result that used this encoder, on pictures of ``dataset`` where there is one."""
    return Provenance(
        model=info.id,
        fingerprint=info.fingerprint.digest,
        preprocessing=info.preprocessing,
        dtype=info.dtype,
        device=info.device,
        space=space,
        template=template,
        renderer=RENDERER_VERSION if dataset is None else None,
        seed=seed,
        versions=versions(),
        dataset=dataset,
    )


def dataset_provenance(dataset: str) -> Provenance:
    """Provenance of a result that used an upload: the vectors came from elsewhere, so only their hash is known."""
    return Provenance(
        model=f"dataset:{dataset}",
        fingerprint=dataset,
        preprocessing="uploaded",
        dtype="float32",
        device="cpu",
        space=None,
        template=None,
        renderer=None,
        seed=None,
        versions=versions(),
        dataset=dataset,
    )


@cache
def versions() -> dict[str, str]:
    """Versions of Bindscope and of the libraries that change numbers."""
    found = {"bindscope": __version__}
    for name in ("numpy", "torch", "open_clip_torch", "transformers", "pillow"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
