"""Model ids: ``family:name``, ``family:local-dir:PATH`` and ``random:`` in front of any of them for its twin.

An id that cannot mean a model raises UnknownName; whether the files exist is asked later.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.encoders.families.synthetic import ORACLES

Family = Literal["bundled", "open_clip", "hf", "synthetic", "controlled", "repaired", "precomputed"]

#: open_clip folders inside the package, and the sentence embedder of the ``minilm`` extra.
BUNDLED = ("tiny-bag", "tiny-bind", "tiny-split", "tiny-table", "all-minilm-l6-v2")
LOCAL_DIR = "local-dir:"
MAX_SEED = 2**63 - 1

_OPEN_CLIP = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_HUB = re.compile(r"(?:[A-Za-z0-9][\w.-]*/)?[A-Za-z0-9][\w.-]*")
_RUN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_REPAIR = re.compile(r"[0-9a-f]{16}(?:@(?:0(?:\.\d{1,4})?|1(?:\.0{1,4})?))?")
_UPLOAD = re.compile(r"[0-9a-f]{16}")
_TWIN = re.compile(r"random:(?P<id>.+?)(?:#seed=(?P<seed>\d{1,19}))?", re.DOTALL)


@dataclass(frozen=True)
class ModelId:
    """A parsed id. ``name`` is what follows the family, or the path where ``local`` is true.

    ``seed`` is None for trained weights and the twin's seed otherwise.
    """

    text: str
    family: Family
    name: str
    local: bool
    seed: int | None


def parse_model_id(text: str, known: Sequence[str] = ()) -> ModelId:
    """Takes an id apart. Raises UnknownName with the ``known`` ids, InvalidInput for a twin of an oracle."""
    twin = _TWIN.fullmatch(text)
    if twin is None:
        return _parse(text, text, known=known, seed=None)
    inner, seed = twin["id"], int(twin["seed"] or 0)
    if inner.startswith("random:") or seed > MAX_SEED:
        raise UnknownName("model", text, known)
    if inner.startswith("synthetic:"):
        raise InvalidInput(
            f"{inner!r} has no weights to draw at random, so it has no random twin: "
            "take the twin of a model with weights, such as random:bundled:tiny-bind."
        )
    return _parse(text, inner, known=known, seed=seed)


def _parse(text: str, inner: str, *, known: Sequence[str], seed: int | None) -> ModelId:
    family, _, name = inner.partition(":")
    if family == "bundled" and name in BUNDLED:
        return ModelId(text, "bundled", name, local=False, seed=seed)
    if family == "synthetic" and name in ORACLES:
        return ModelId(text, "synthetic", name, local=False, seed=seed)
    if family == "controlled" and _RUN.fullmatch(name):
        return ModelId(text, "controlled", name, local=False, seed=seed)
    if family == "repaired" and _REPAIR.fullmatch(name):
        return ModelId(text, "repaired", name, local=False, seed=seed)
    if family == "precomputed" and _UPLOAD.fullmatch(name):
        return ModelId(text, "precomputed", name, local=False, seed=seed)
    if family in ("open_clip", "hf"):
        which: Family = "open_clip" if family == "open_clip" else "hf"
        path = name.removeprefix(LOCAL_DIR)
        if path != name and path.strip() and "\0" not in path:
            return ModelId(text, which, path, local=True, seed=seed)
        pattern = _OPEN_CLIP if family == "open_clip" else _HUB
        if pattern.fullmatch(name) and ".." not in name:
            return ModelId(text, which, name, local=False, seed=seed)
    raise UnknownName("model", text, known)
