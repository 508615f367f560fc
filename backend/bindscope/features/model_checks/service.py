"""The checks of a model: whether it answers as it should, checked once for each way in which it can be loaded.

Everything goes past the cache. A failed check means that the numbers are not those of the model that was meant; a
warning, that they are less certain; a note is a property that every reader of its numbers should know.
"""

import json
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from queue import Empty, Queue
from typing import Any, Literal

import numpy as np

from bindscope.core.errors import ModelUnavailable, UnknownName
from bindscope.encoders.batching import BatchingQueue, Item, Kind
from bindscope.encoders.golden import (
    MOST,
    MOST_HALF,
    TEXTS,
    Golden,
    folder_golden,
    golden_from,
    model_folder,
    scenes,
)
from bindscope.encoders.protocol import EncoderInfo, Fingerprint, SceneReader, Vectors
from bindscope.features.model_checks.checks import (
    NOT_ASKED,
    Check,
    activation,
    batch_noise,
    case_canary,
    is_asked,
    length,
    order_canary,
    padding,
)
from bindscope.scenes.render import render_many
from bindscope.services.container import Services
from bindscope.services.model_pool import ModelPool
from bindscope.services.provenance import Provenance, provenance

CheckState = Literal["passed", "warnings", "failed"]

#: Goes up when equal models get other reports.
_VERSION = 3
_BATCH = 32
_RECORD, _GOLDEN, _PRINT = "model-checks.json", "golden.npz", "fingerprint.json"
_FIELDS = ("family", "architecture", "preprocessing", "tokenizer", "pooling", "dtype", "code")


@dataclass(frozen=True)
class CheckReport:
    model: str
    fingerprint: str
    state: CheckState
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


class ModelChecks:
    """Checks models in the background after they were loaded, or when somebody asks."""

    def __init__(self, parts: Services) -> None:
        self._models, self._artifacts = parts.models, parts.artifacts
        self._known: dict[str, CheckReport] = {}
        self._lock = threading.Lock()
        self._asked: Queue[str] = Queue()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        if parts.settings.model_checks == "on":
            self._thread = threading.Thread(target=self._work, name="model-checks", daemon=True)
            self._thread.start()
            parts.at_end(self.close)

    def close(self) -> None:
        """Stops the background checks."""
        self._closing.set()
        if self._thread is not None:
            self._thread.join(10)

    def loaded(self, model_id: str) -> None:
        """A model was loaded: it is checked when nothing else is."""
        if self._thread is not None:
            self._asked.put(model_id)

    def state(self, fingerprint: str) -> CheckState | None:
        """What is known of a model without checking it."""
        with self._lock:
            found = self._known.get(fingerprint)
        return found.state if found is not None else None

    def of(self, model_id: str, *, refresh: bool = False) -> CheckReport:
        """The checks of a model, loading and checking it where that was not done yet. Raises UnknownName,
        InvalidInput, ModelUnavailable."""
        info = self._models.info(model_id)
        digest = info.fingerprint.digest
        with self._lock:
            found = self._known.get(digest)
        if found is None and not refresh:
            found = self._kept(info)
        if found is None or found.model != model_id or refresh:
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

    def _checked(self, model_id: str) -> CheckReport:
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
        state: CheckState = "failed" if "failed" in states else "warnings" if "warning" in states else "passed"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return CheckReport(model_id, model.info.fingerprint.digest, state, checks, now, provenance(model.info))

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
        if not is_asked(info):
            return Check(name, "skipped", NOT_ASKED)
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
        said = f"{check.message} Either load may be the wrong one.{differs}"
        return Check(name, "failed", said, check.figure)

    @staticmethod
    def _remember(folder: Any, model: _Model) -> None:
        folder.write(_GOLDEN, model.alone.to_bytes())
        folder.write(_PRINT, json.dumps(asdict(model.info.fingerprint)).encode())

    def _kept(self, info: EncoderInfo) -> CheckReport | None:
        try:
            body = json.loads(self._folder(info.fingerprint.digest).read(_RECORD))
            if body.pop("version") != _VERSION:
                return None
            checks = [Check(**check) for check in body.pop("checks")]
            made = Provenance(**body.pop("provenance"))
            return CheckReport(checks=checks, provenance=made, **body)
        except (UnknownName, ValueError, KeyError, TypeError):
            return None

    def _keep(self, checks: CheckReport) -> None:
        body: dict[str, Any] = {**asdict(checks), "version": _VERSION}
        body["provenance"]["versions"] = dict(checks.provenance.versions)
        self._folder(checks.fingerprint).write(_RECORD, json.dumps(body).encode())

    def _folder(self, digest: str) -> Any:
        return self._artifacts.folder("model-checks", digest)


def _compared(name: str, golden: Golden, model: _Model, than: str) -> Check:
    most = MOST if model.info.dtype == "float32" else MOST_HALF
    distance = golden.distance(model.alone)
    if distance <= most:
        return Check(name, "passed", "Its vectors are what they should be.", distance)
    said = f"Its vectors are not what {than} (distance {distance:.4f}): look at activation, padding and preprocessing."
    return Check(name, "failed", said, distance)


def _answers(models: ModelPool, queue: BatchingQueue, batch: int) -> Golden:
    info = queue.info
    texts = _encoded(models, info.id, "text", list(TEXTS), batch) if info.reads("text") and is_asked(info) else None
    images = None
    if info.reads("image") and is_asked(info):
        if isinstance(queue.encoder, SceneReader):
            images = _encoded(models, info.id, "scene", list(scenes()), batch)
        else:
            images = _encoded(models, info.id, "image", list(render_many(scenes(), info.pixels or 224)), batch)
    return Golden(texts, images)


def _encoded(models: ModelPool, model_id: str, kind: Kind, items: Sequence[Item], batch: int) -> Vectors:
    """Vectors [item, dim], each item in a batch of exactly ``batch``."""
    groups = [items[i : i + batch] for i in range(0, len(items), batch)]
    parts = []
    for group in groups:
        full = [group[i % len(group)] for i in range(batch)]
        parts.append(models.encode(model_id, kind, full, alone=True)[: len(group)])
    vectors: Vectors = np.concatenate(parts)
    return vectors


def _safe(weights: str, dtype: str) -> str:
    """A name of plain characters."""
    import hashlib

    return hashlib.blake2b(f"{weights} {dtype}".encode(), digest_size=16).hexdigest()


def start(parts: Services) -> None:
    """Every model is checked after it was loaded."""
    parts.models.when_loaded(parts.of(ModelChecks).loaded)
