"""The passport of a model: whether it answers as it should, checked once for each way in which it can be loaded.

Everything goes past the cache. A failed check means that the numbers are not those of the model that was meant; a
warning, that they are less certain; a note is a property that every reader of its numbers should know.
"""

import json
import re
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from queue import Empty, Queue
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import cosines
from bindscope.domain.render import render_many
from bindscope.encoders.base import EncoderInfo, Fingerprint, SceneReader, TokenCounter, Vectors
from bindscope.encoders.batching import BatchingQueue, Item, Kind
from bindscope.encoders.golden import (
    MOST,
    MOST_HALF,
    TEXTS,
    Golden,
    folder_golden,
    golden_from,
    model_folder,
    row_cosines,
    scenes,
)
from bindscope.encoders.towers import TorchEncoder
from bindscope.errors import ModelUnavailable, UnknownName
from bindscope.services.models import ModelPool
from bindscope.services.provenance import Provenance, provenance
from bindscope.store.artifacts import Artifacts

CheckState = Literal["passed", "noted", "warning", "failed", "skipped"]
PassportState = Literal["passed", "warnings", "failed"]

#: Goes up when equal models get other passports.
_VERSION = 2
_BATCH = 32
#: Changes of a cosine by the size of the batch: rounding of float32 stays below the first.
_QUIET, _LOUD = 1e-5, 1e-3
_SAME = 1e-6
_RECORD, _GOLDEN, _PRINT = "passport.json", "golden.npz", "fingerprint.json"
_OPENAI_FOLDER = re.compile(r"(openai[-_.]+)?clip-vit-(base|large)-patch\d+(-336)?")
_NOT_ASKED = "It knows only the texts and scenes of its own space or upload, not the fixed ones of this check."
_FIELDS = ("family", "architecture", "preprocessing", "tokenizer", "pooling", "dtype", "code")


@dataclass(frozen=True)
class Check:
    """``said`` is one sentence: what was found, and where it is bad what to do. ``figure`` is what was measured."""

    name: str
    state: CheckState
    said: str
    figure: float | None = None


@dataclass(frozen=True)
class Passport:
    model: str
    fingerprint: str
    state: PassportState
    checks: list[Check]
    computed_at: str
    provenance: Provenance


@dataclass(frozen=True, eq=False)
class _Model:
    """A loaded model and its answers to the fixed inputs, in batches of one and of many."""

    queue: BatchingQueue
    alone: Golden
    together: Golden

    @property
    def info(self) -> EncoderInfo:
        return self.queue.info


class Passports:
    """Checks models in the background after they were loaded, or when somebody asks."""

    def __init__(self, models: ModelPool, artifacts: Artifacts, *, in_background: bool) -> None:
        self._models, self._artifacts = models, artifacts
        self._known: dict[str, Passport] = {}
        self._lock = threading.Lock()
        self._asked: Queue[str] = Queue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        if in_background:
            self._thread = threading.Thread(target=self._work, name="passports", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stops the background checks."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(10)

    def loaded(self, model_id: str) -> None:
        """A model was loaded: it is checked when nothing else is."""
        if self._thread is not None:
            self._asked.put(model_id)

    def state(self, fingerprint: str) -> PassportState | None:
        """What is known of a model without checking it."""
        with self._lock:
            found = self._known.get(fingerprint)
        return found.state if found is not None else None

    def of(self, model_id: str, *, anew: bool = False) -> Passport:
        """The passport of a model, loading and checking it where that was not done yet. Raises UnknownName,
        InvalidInput, ModelUnavailable."""
        info = self._models.info(model_id)
        digest = info.fingerprint.digest
        with self._lock:
            found = self._known.get(digest)
        if found is None and not anew:
            found = self._kept(info)
        if found is None or found.model != model_id or anew:
            found = self._checked(model_id)
            self._keep(found)
        with self._lock:
            self._known[digest] = found
        return found

    def golden(self, model_id: str) -> Golden:
        """The model's answers to the fixed inputs, each in a batch of one."""
        return _answers(self._models, self._models.queue(model_id), 1)

    def _work(self) -> None:
        while not self._closing.is_set():
            try:
                model_id = self._asked.get(timeout=0.2)
            except Empty:
                continue
            queue = next((q for q in self._models.loaded() if q.info.id == model_id), None)
            # A model that has left meanwhile, or is known, is not brought back for this.
            if queue is None or self.state(queue.info.fingerprint.digest) is not None:
                continue
            try:
                self.of(model_id)
            except Exception:
                continue

    def _checked(self, model_id: str) -> Passport:
        queue = self._models.queue(model_id)
        model = _Model(queue, _answers(self._models, queue, 1), _answers(self._models, queue, _BATCH))
        of_folder = self._golden_of_folder(model)
        checks = [
            of_folder,
            self._first_seen(model, sound=of_folder.state == "passed"),
            batch_noise(model.alone, model.together),
            order_canary(model.alone, model.info),
            case_canary(model.alone, model.info),
            activation(model.info),
            padding(model.queue.encoder, model.info),
            length(model.queue.encoder, model.info),
        ]
        states = {check.state for check in checks}
        state: PassportState = "failed" if "failed" in states else "warnings" if "warning" in states else "passed"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Passport(model_id, model.info.fingerprint.digest, state, checks, now, provenance(model.info))

    def _golden_of_folder(self, model: _Model) -> Check:
        name = "golden vectors of the folder"
        folder = model_folder(model.info.id, self._models.settings)
        try:
            golden = folder_golden(folder) if folder is not None else None
        except ModelUnavailable as error:
            return Check(name, "failed", str(error))
        if golden is None:
            return Check(name, "skipped", "Its folder has no golden vectors: 'bindscope models golden' writes them.")
        return _compared(name, golden, model, "its folder says they should be")

    def _first_seen(self, model: _Model, *, sound: bool) -> Check:
        """The same weights must go on giving the same vectors; a ``sound`` model overrules what was seen before."""
        name = "vectors as first seen"
        info = model.info
        if not _is_asked(info):
            return Check(name, "skipped", _NOT_ASKED)
        folder = self._artifacts.folder("goldens", _safe(info.fingerprint.weights, info.dtype))
        try:
            golden = golden_from(folder.read(_GOLDEN))
            before = Fingerprint(**json.loads(folder.read(_PRINT)))
        except (UnknownName, ModelUnavailable, ValueError, TypeError):
            self._remember(folder, model)
            return Check(name, "noted", "Its weights are new here: later loads are held against this one.")
        changed = [field for field in _FIELDS if getattr(before, field) != getattr(info.fingerprint, field)]
        check = _compared(name, golden, model, "the same weights gave before")
        if check.state != "failed":
            return check
        differs = f" What differs since then: {', '.join(changed)}." if changed else ""
        if sound:
            self._remember(folder, model)
            said = "The same weights gave other vectors before; its folder says that those of now are right." + differs
            return Check(name, "noted", said, check.figure)
        said = f"{check.said} Either load may be the wrong one.{differs}"
        return Check(name, "failed", said, check.figure)

    @staticmethod
    def _remember(folder: Any, model: _Model) -> None:
        folder.write(_GOLDEN, model.alone.to_bytes())
        folder.write(_PRINT, json.dumps(asdict(model.info.fingerprint)).encode())

    def _kept(self, info: EncoderInfo) -> Passport | None:
        try:
            body = json.loads(self._folder(info.fingerprint.digest).read(_RECORD))
            if body.pop("version") != _VERSION:
                return None
            checks = [Check(**check) for check in body.pop("checks")]
            made = Provenance(**body.pop("provenance"))
            return Passport(checks=checks, provenance=made, **body)
        except (UnknownName, ValueError, KeyError, TypeError):
            return None

    def _keep(self, passport: Passport) -> None:
        body: dict[str, Any] = {**asdict(passport), "version": _VERSION}
        body["provenance"]["versions"] = dict(passport.provenance.versions)
        self._folder(passport.fingerprint).write(_RECORD, json.dumps(body).encode())

    def _folder(self, digest: str) -> Any:
        return self._artifacts.folder("passports", digest)


def batch_noise(alone: Golden, together: Golden) -> Check:
    """How far a cosine moves with the size of the batch."""
    name = "noise of the batch size"
    moves = [
        float(np.abs(_gram(a) - _gram(b)).max())
        for a, b in ((alone.texts, together.texts), (alone.images, together.images))
        if a is not None and b is not None
    ]
    largest = max(moves, default=0.0)
    if largest <= _QUIET:
        return Check(name, "passed", "Other batch sizes change a cosine by no more than rounding does.", largest)
    if largest <= _LOUD:
        said = "Other batch sizes change cosines visibly: smaller margins than this are undecided, as they are counted."
        return Check(name, "noted", said, largest)
    said = "Other batch sizes change cosines a lot: check the padding and the attention mask, or use float32."
    return Check(name, "warning", said, largest)


def order_canary(golden: Golden, info: EncoderInfo) -> Check:
    """Whether the text tower reads the order of words at all."""
    name = "order of words"
    if golden.texts is None:
        return Check(name, "skipped", _NOT_ASKED if info.reads("text") else "It reads no text.")
    true, swapped, turned = golden.texts[0], golden.texts[1], golden.texts[2]
    cosine = float(row_cosines(true[None], swapped[None])[0])
    same = float(row_cosines(true[None], turned[None])[0])
    if cosine > 1 - _SAME:
        said = "A caption and its swap have the same vector: no picture can tell them apart by this text tower."
        return Check(name, "noted", said, cosine)
    said = f"A caption and its swap differ (cosine {cosine:.4f}); the same objects in another order: {same:.4f}."
    return Check(name, "passed", said, cosine)


def case_canary(golden: Golden, info: EncoderInfo) -> Check:
    """Whether capitals change a vector."""
    name = "capital letters"
    if golden.texts is None:
        return Check(name, "skipped", _NOT_ASKED if info.reads("text") else "It reads no text.")
    cosine = float(row_cosines(golden.texts[[0]], golden.texts[[3]])[0])
    if cosine > 1 - _SAME:
        return Check(name, "passed", "Capitals change nothing.", cosine)
    said = f"Capitals change the vector (cosine {cosine:.4f}): write captions in lower case."
    return Check(name, "noted", said, cosine)


def activation(info: EncoderInfo) -> Check:
    """OpenAI's CLIP weights were trained with QuickGELU; loaded with GELU they answer, and answer wrongly."""
    name = "activation"
    try:
        config = json.loads(info.fingerprint.architecture)
    except ValueError:
        config = None
    if not isinstance(config, dict) or "clip" not in info.fingerprint.family:
        return Check(name, "skipped", "Only CLIP models come in two activations.")
    quick = _quick_gelu(config)
    if _from_openai(info.id, config) and not quick:
        said = "OpenAI's weights were trained with QuickGELU and are loaded with GELU: use the quickgelu configuration."
        return Check(name, "failed", said)
    kind = "QuickGELU" if quick else "GELU"
    parts = [part.get("hidden_act") for part in (config.get("text_config"), config.get("vision_config")) if part]
    if len(set(parts)) > 1:
        said = f"Its towers use different activations ({', '.join(map(str, parts))}): check the configuration."
        return Check(name, "failed", said)
    return Check(name, "passed", f"It uses {kind}. Golden vectors show whether its weights were trained with it.")


def padding(encoder: object, info: EncoderInfo) -> Check:
    """SigLIP reads texts filled up to its length, on the right. A wrong padding token shows in golden vectors."""
    name = "padding of texts"
    if "siglip" not in info.fingerprint.family:
        return Check(name, "skipped", "Only SigLIP depends on how texts are filled up.")
    if not isinstance(encoder, TorchEncoder):
        return Check(name, "skipped", "Its tokenizer is not known.")
    config = json.loads(info.fingerprint.architecture).get("text_config", {})
    ids = np.asarray(encoder.tokenized([TEXTS[4]])["input_ids"])[0].tolist()
    wanted = int(config.get("max_position_embeddings", 64))
    if len(ids) != wanted:
        said = f"Texts are filled up to {len(ids)} tokens, the model wants {wanted}: set padding to max_length."
        return Check(name, "failed", said, float(len(ids)))
    filled = len(ids) - encoder.token_counts([TEXTS[4]])[0]
    tail = ids[len(ids) - filled :] if filled else []
    if filled and (len(set(tail)) > 1 or tail[0] == ids[0] == ids[filled - 1]):
        return Check(name, "failed", "Texts are filled up on the left: set padding_side to right in its tokenizer.")
    return Check(name, "passed", f"Texts are filled up to {wanted} tokens on the right.", float(wanted))


def length(encoder: object, info: EncoderInfo) -> Check:
    """Whether the captions of a scene fit."""
    name = "length of captions"
    if not _is_asked(info):
        return Check(name, "skipped", _NOT_ASKED)
    if info.max_tokens is None or not isinstance(encoder, TokenCounter):
        return Check(name, "skipped", "It has no limit that is known.")
    longest = max(encoder.token_counts([" and ".join([TEXTS[0]] * 2)]))
    if longest > info.max_tokens:
        said = f"A caption of four objects has {longest} tokens and it reads {info.max_tokens}: the rest is cut."
        return Check(name, "warning", said, float(longest))
    said = f"A caption of four objects has {longest} of {info.max_tokens} tokens."
    return Check(name, "passed", said, float(longest))


def _compared(name: str, golden: Golden, model: _Model, than: str) -> Check:
    most = MOST if model.info.dtype == "float32" else MOST_HALF
    distance = golden.distance(model.alone)
    if distance <= most:
        return Check(name, "passed", "Its vectors are what they should be.", distance)
    said = f"Its vectors are not what {than} (distance {distance:.4f}): look at activation, padding and preprocessing."
    return Check(name, "failed", said, distance)


def _quick_gelu(config: dict[str, Any]) -> bool:
    """From an open_clip or a transformers configuration."""
    if "quick_gelu" in config:
        return bool(config["quick_gelu"])
    acts = {str((config.get(part) or {}).get("hidden_act")) for part in ("text_config", "vision_config")}
    return acts == {"quick_gelu"}


def _from_openai(model_id: str, config: dict[str, Any]) -> bool:
    """Whether the weights are OpenAI's, by what their publisher calls them. Random twins are not."""
    if model_id.startswith("open_clip:"):
        return "local-dir:" not in model_id and model_id.endswith("/openai")
    names = (model_id.removeprefix("hf:"), str(config.get("_name_or_path", "")))
    own = re.split(r"[/\\]", model_id)[-1].lower()
    return model_id.startswith("hf:") and (
        any(name.startswith("openai/") for name in names) or _OPENAI_FOLDER.fullmatch(own) is not None
    )


def _answers(models: ModelPool, queue: BatchingQueue, batch: int) -> Golden:
    info = queue.info
    texts = _encoded(models, info.id, "text", list(TEXTS), batch) if info.reads("text") and _is_asked(info) else None
    images = None
    if info.reads("image") and _is_asked(info):
        if isinstance(queue.encoder, SceneReader):
            images = _encoded(models, info.id, "scene", list(scenes()), batch)
        else:
            images = _encoded(models, info.id, "image", list(render_many(scenes(), info.pixels or 224)), batch)
    return Golden(texts, images)


def _is_asked(info: EncoderInfo) -> bool:
    """Uploaded vectors and runs on other spaces do not know the fixed inputs."""
    return info.family != "precomputed" and "controlled:" not in info.id


def _encoded(models: ModelPool, model_id: str, kind: Kind, items: Sequence[Item], batch: int) -> Vectors:
    """Vectors [item, dim], each item in a batch of exactly ``batch``."""
    groups = [items[i : i + batch] for i in range(0, len(items), batch)]
    parts = []
    for group in groups:
        full = [group[i % len(group)] for i in range(batch)]
        parts.append(models.encode(model_id, kind, full, alone=True)[: len(group)])
    vectors: Vectors = np.concatenate(parts)
    return vectors


def _gram(vectors: Vectors) -> NDArray[np.float64]:
    return cosines(vectors, vectors)


def _safe(weights: str, dtype: str) -> str:
    """A name of plain characters."""
    import hashlib

    return hashlib.blake2b(f"{weights} {dtype}".encode(), digest_size=16).hexdigest()
