"""The protocol that every encoder follows, and the fingerprint that names its vectors.

Vectors are what the upstream library returns, float32 and not normalised: cosines are taken in ``analysis``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from bindscope.core.hashing import digest_of_parts
from bindscope.scenes.scene import Scene

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
