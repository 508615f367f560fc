"""The protocol that every encoder follows, and the fingerprint that names its vectors, with what goes into it.

Vectors are what the upstream library returns, float32 and not normalised: cosines are taken in ``analysis``.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bindscope.core.hashing import Content, canonical_json, digest_of_parts
from bindscope.scenes.scene import Scene

if TYPE_CHECKING:
    from torch import Tensor

Vectors: TypeAlias = NDArray[np.float32]  # [item, dim]
Picture: TypeAlias = NDArray[np.uint8]  # [height, width, 3], RGB
Modality = Literal["image", "text"]


@dataclass(frozen=True)
class Fingerprint:
    """Everything that changes a vector. ``digest`` changes when any field does.

    ``weights`` is a hash of the tensors' bytes (or of the closed form), ``architecture``, ``preprocessing``,
    ``tokenizer`` and ``pooling`` are canonical texts, ``dtype`` the arithmetic, ``code`` the version of the wrapper.
    """

    family: str
    weights: str
    architecture: str
    preprocessing: str
    tokenizer: str
    pooling: str
    dtype: str
    code: str

    @property
    def digest(self) -> str:
        """32 hexadecimal characters over the names and values of all fields."""
        return digest_of_parts(part for field in asdict(self).items() for part in field)


@dataclass(frozen=True)
class EncoderInfo:
    """What a loaded encoder is. ``pixels`` is the side of the pictures that it wants; None without an image tower.

    ``text_padding``: whether texts are filled up to ``max_tokens`` or only to the longest of their batch.
    """

    id: str
    family: str
    modalities: tuple[Modality, ...]
    dim: int
    fingerprint: Fingerprint
    preprocessing: str
    dtype: str
    device: str
    pixels: int | None
    max_tokens: int | None = None
    text_padding: Literal["full", "longest"] = "full"
    weight_bytes: int = 0

    def reads(self, modality: Modality) -> bool:
        """Whether the encoder has a tower for ``modality``."""
        return modality in self.modalities


@dataclass(frozen=True, eq=False)
class PreparedPicture:
    """Inputs of a forward pass for one picture: tensors [1, ...] by name."""

    inputs: Mapping[str, Any]


@runtime_checkable
class PicturePreparer(Protocol):
    """An encoder that can resize and normalise a picture ahead of its batch, in any thread."""

    def prepared(self, image: Picture) -> "Picture | PreparedPicture":
        """The picture itself where there is nothing to do ahead. Raises InvalidInput."""
        ...


@runtime_checkable
class Encoder(Protocol):
    """A model that reads pictures, texts or both. One thread at a time calls it."""

    @property
    def info(self) -> EncoderInfo: ...

    def encode_images(self, images: Sequence[Picture | PreparedPicture]) -> Vectors:
        """Vectors [item, dim] of RGB pictures of any size, or of what was prepared of them. Raises
        UnsupportedModality."""
        ...

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors [item, dim] of texts. Raises UnsupportedModality."""
        ...


@runtime_checkable
class SceneReader(Protocol):
    """An encoder whose image tower reads the scene itself, not its pixels (the ``synthetic:`` oracles)."""

    @property
    def info(self) -> EncoderInfo: ...

    def encode_scenes(self, scenes: Sequence[Scene]) -> Vectors:
        """Vectors [scene, dim] of the image tower."""
        ...


@runtime_checkable
class TokenCounter(Protocol):
    """An encoder that can say how long a text is for it, so that a cut at ``info.max_tokens`` can be reported."""

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text before any cut, special ones included."""
        ...


#: Raised when the wrappers change what they compute.
WRAPPER_VERSION = "1"


def code_version(*packages: str) -> str:
    """Version of our wrapper and of the libraries that do the arithmetic."""
    return " ".join([f"bindscope-encoders/{WRAPPER_VERSION}", *(f"{name}/{version(name)}" for name in packages)])


def weights_digest(state: Mapping[str, "Tensor"], *, seed: int | None) -> str:
    """Hash over name, dtype, shape and bytes of every tensor, in the order of the names.

    A twin's ``seed`` stands in front, so that no twin ever passes for a stored model.
    """
    import torch

    def parts() -> Iterator[Content]:
        for name in sorted(state):
            tensor = state[name].detach().cpu().contiguous()
            yield f"{name} {tensor.dtype} {list(tensor.shape)}"
            yield memoryview(tensor.reshape(-1).view(torch.uint8).numpy())  # type: ignore[arg-type]

    found = digest_of_parts(parts())
    return found if seed is None else f"random seed {seed} {found}"


def tokenizer_identity(tokenizer: Any) -> dict[str, object]:
    """Vocabulary, rules and special tokens of a transformers tokenizer; what calls change is left out."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        rules = json.loads(backend.to_str())
        for changed_by_calls in ("truncation", "padding"):
            rules.pop(changed_by_calls, None)
        body = canonical_json(rules)
    else:
        body = canonical_json(tokenizer.get_vocab())
    return {
        "class": type(tokenizer).__name__,
        "rules": digest_of_parts([body]),
        "special": {key: str(value) for key, value in tokenizer.special_tokens_map.items()},
        "inputs": list(tokenizer.model_input_names),
        "padding_side": tokenizer.padding_side,
        "truncation_side": tokenizer.truncation_side,
        "lower": bool(getattr(tokenizer, "do_lower_case", False)),
    }


def weights_bytes(tensors: "Mapping[str, Tensor]") -> int:
    """Bytes that the tensors take in memory."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values())
