"""What goes into a fingerprint: hashes of weights and tokenizers, and the versions of the code."""

import json
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from bindscope.core.hashing import Content, canonical_json, digest_of_parts

if TYPE_CHECKING:
    from torch import Tensor

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
