"""Tensors and JSON facts in one safetensors file that shows damage: a digest over both is in its header."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bindscope.core.errors import ModelUnavailable
from bindscope.core.hashing import digest_of_parts
from bindscope.encoders.protocol import weights_digest

if TYPE_CHECKING:
    from torch import Tensor

_SEAL = "bindscope"


@dataclass(frozen=True, eq=False)
class Sealed:
    """``tensors`` by name, and ``facts`` that are JSON."""

    tensors: "Mapping[str, Tensor]"
    facts: Mapping[str, Any]


def pack(sealed: Sealed) -> bytes:
    """The file's bytes."""
    from safetensors.torch import save

    tensors = {name: value.detach().cpu().contiguous() for name, value in sealed.tensors.items()}
    facts = json.dumps(sealed.facts)
    # One entry only: safetensors writes several in random order, and equal contents must give equal bytes.
    seal = json.dumps({"facts": facts, "digest": _digest(tensors, facts)})
    return bytes(save(tensors, metadata={_SEAL: seal}))


def unpack(data: bytes, *, what: str) -> Sealed:
    """Reads the bytes again. Raises ModelUnavailable where they are not what was written; ``what`` names the file."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
        size = int.from_bytes(data[:8], "little")
        seal = json.loads(json.loads(data[8 : 8 + size])["__metadata__"][_SEAL])
        facts: str = seal["facts"]
        whole = seal["digest"] == _digest(tensors, facts)
    except (SafetensorError, ValueError, KeyError, TypeError, IndexError):
        whole = False
    if not whole:
        raise ModelUnavailable(
            f"The {what} is damaged: delete the run and train again, or start it again with resume=False."
        )
    return Sealed(tensors, json.loads(facts))


def _digest(tensors: "Mapping[str, Tensor]", facts: str) -> str:
    return digest_of_parts([weights_digest(tensors, seed=None), facts])
