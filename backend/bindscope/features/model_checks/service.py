"""The checks of a model: whether it answers as it should, checked once for each way in which it can be loaded.

Everything goes past the cache. A failed check means that the numbers are not those of the model that was meant; a
warning, that they are less certain; a note is a property that every reader of its numbers should know.
"""

import json
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from queue import Empty, Queue
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import cosines
from bindscope.core.errors import ModelUnavailable, UnknownName
from bindscope.core.hashing import digest
from bindscope.encoders.batching import BatchingQueue
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
from bindscope.encoders.protocol import EncoderInfo, Fingerprint
from bindscope.features.model_checks.checks import (
    NOT_ASKED,
    activation,
    batch_noise,
    case_canary,
    is_asked,
    length,
    order_canary,
    outcome,
    padding,
)
from bindscope.features.model_checks.schemas import ModelCheck, ModelCheckReport, ReportState
from bindscope.scenes.scene import Scene
from bindscope.services.container import Services
from bindscope.services.embedder import Inputs
from bindscope.services.noise import Encode, noise_floor
from bindscope.services.provenance import provenance

#: Goes up when equal models get other reports.
_VERSION = 3
_BATCH = 32
_RECORD, _GOLDEN, _PRINT = "model-checks.json", "golden.npz", "fingerprint.json"
_FIELDS = ("family", "architecture", "preprocessing", "tokenizer", "pooling", "dtype", "code")


@dataclass(frozen=True, eq=False)
class _Model:
    """A loaded model and its answers to the fixed inputs, each encoded alone."""

    queue: BatchingQueue
    alone: Golden

    @property
    def info(self) -> EncoderInfo:
        return self.queue.info


class ModelChecks:
    """Checks models in the background after they were loaded, or when somebody asks."""

    def __init__(self, parts: Services) -> None:
        self._models, self._embedder, self._artifacts = parts.models, parts.embedder, parts.artifacts
        self._known: dict[str, ModelCheckReport] = {}
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

    def state(self, fingerprint: str) -> ReportState | None:
        """What is known of a model without checking it."""
        with self._lock:
            found = self._known.get(fingerprint)
        return found.state if found is not None else None

    def of(self, model_id: str, *, refresh: bool = False) -> ModelCheckReport:
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
        info = self._models.info(model_id)
        again = partial(self._embedder.reencode, model_id, batch=1)
        return Golden(*(None if items is None else again(items) for items in _fixed_inputs(info)))

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

    def _checked(self, model_id: str) -> ModelCheckReport:
        queue = self._models.queue(model_id)
        model = _Model(queue, self.golden(model_id))
        of_folder = self._golden_of_folder(model)
        checks = [
            of_folder,
            self._first_seen(model, sound=of_folder.state == "passed"),
            batch_noise(self._noise(model)),
            order_canary(model.alone, model.info),
            case_canary(model.alone, model.info),
            activation(model.info),
            padding(model.queue.encoder, model.info),
            length(model.queue.encoder, model.info),
        ]
        states = {check.state for check in checks}
        state: ReportState = "failed" if "failed" in states else "warnings" if "warning" in states else "passed"
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return ModelCheckReport(
            model=model_id,
            fingerprint=model.info.fingerprint.digest,
            state=state,
            checks=checks,
            computed_at=now,
            provenance=provenance(model.info),
        )

    def _noise(self, model: _Model) -> float:
        """How far a cosine between two fixed inputs moves with the size of the batch."""
        floors = [0.0]
        for items, alone in zip(_fixed_inputs(model.info), (model.alone.texts, model.alone.images), strict=True):
            if items is not None and alone is not None:
                cosines_of = partial(_cosines_of, items)
                before = cosines(alone, alone)
                floors.append(noise_floor(self._embedder, model.info.id, cosines_of, before=before, batches=(_BATCH,)))
        return max(floors)

    def _golden_of_folder(self, model: _Model) -> ModelCheck:
        name = "golden vectors of the folder"
        folder = model_folder(model.info.id, self._models.settings)
        try:
            golden = folder_golden(folder) if folder is not None else None
        except ModelUnavailable as error:
            return outcome(name, "failed", str(error))
        if golden is None:
            return outcome(name, "skipped", "Its folder has no golden vectors: 'bindscope models golden' writes them.")
        return _compared(name, golden, model, "its folder says they should be")

    def _first_seen(self, model: _Model, *, sound: bool) -> ModelCheck:
        """The same weights must go on giving the same vectors; a ``sound`` model overrules what was seen before."""
        name = "vectors as first seen"
        info = model.info
        if not is_asked(info):
            return outcome(name, "skipped", NOT_ASKED)
        folder = self._artifacts.folder("goldens", _safe(info.fingerprint.weights, info.dtype))
        try:
            golden = golden_from(folder.read(_GOLDEN))
            before = Fingerprint(**json.loads(folder.read(_PRINT)))
        except (UnknownName, ModelUnavailable, ValueError, TypeError):
            self._remember(folder, model)
            return outcome(name, "noted", "Its weights are new here: later loads are held against this one.")
        changed = [field for field in _FIELDS if getattr(before, field) != getattr(info.fingerprint, field)]
        check = _compared(name, golden, model, "the same weights gave before")
        if check.state != "failed":
            return check
        differs = f" What differs since then: {', '.join(changed)}." if changed else ""
        if sound:
            self._remember(folder, model)
            said = "The same weights gave other vectors before; its folder says that those of now are right." + differs
            return outcome(name, "noted", said, check.figure)
        said = f"{check.message} Either load may be the wrong one.{differs}"
        return outcome(name, "failed", said, check.figure)

    @staticmethod
    def _remember(folder: Any, model: _Model) -> None:
        folder.write(_GOLDEN, model.alone.to_bytes())
        folder.write(_PRINT, json.dumps(asdict(model.info.fingerprint)).encode())

    def _kept(self, info: EncoderInfo) -> ModelCheckReport | None:
        try:
            body = json.loads(self._folder(info.fingerprint.digest).read(_RECORD))
            if body.pop("version") != _VERSION:
                return None
            return ModelCheckReport.model_validate(body)
        except (UnknownName, ValueError, KeyError, TypeError):
            return None

    def _keep(self, checks: ModelCheckReport) -> None:
        body = {**checks.model_dump(mode="json"), "version": _VERSION}
        self._folder(checks.fingerprint).write(_RECORD, json.dumps(body).encode())

    def _folder(self, digest: str) -> Any:
        return self._artifacts.folder("model-checks", digest)


def _compared(name: str, golden: Golden, model: _Model, than: str) -> ModelCheck:
    most = MOST if model.info.dtype == "float32" else MOST_HALF
    distance = golden.distance(model.alone)
    if distance <= most:
        return outcome(name, "passed", "Its vectors are what they should be.", distance)
    said = f"Its vectors are not what {than} (distance {distance:.4f}): look at activation, padding and preprocessing."
    return outcome(name, "failed", said, distance)


def _fixed_inputs(info: EncoderInfo) -> tuple[list[str] | None, list[Scene] | None]:
    """The texts and scenes that the model is asked for; None where it reads no such thing."""
    if not is_asked(info):
        return None, None
    return list(TEXTS) if info.reads("text") else None, scenes() if info.reads("image") else None


def _cosines_of(items: Inputs, encode: Encode) -> NDArray[np.float64]:
    vectors = encode(items)
    return cosines(vectors, vectors)


def _safe(weights: str, dtype: str) -> str:
    """A name of plain characters."""
    return digest(f"{weights} {dtype}")


def start(parts: Services) -> None:
    """Every model is checked after it was loaded."""
    parts.models.when_loaded(parts.of(ModelChecks).loaded)
