"""Jobs in the store: a record, a stream of events, failures and live reports of each; finished cells by their hash.

Nothing here has a time to live, so nothing is evicted. A record is written by the process that owns the job; its
lease tells the others that the owner is alive.
"""

import json
import os
import secrets
import socket
import threading
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import redis

from bindscope.store.connection import Store
from bindscope.store.keys import SCHEMA, decode_json, encode_json, measurement_key

if TYPE_CHECKING:
    from redis.client import Pipeline

#: Events that a stream keeps, about; a finished cell is kept by its hash as well.
MOST_EVENTS = 20_000
LEASE_S = 15.0
_SYNC_MS = 400
#: Jobs wait for a store that is busy or starts again; a cache would not.
_PATIENCE_S = 5.0
_ZSET = f"bs:jobs:{SCHEMA}"

T = TypeVar("T")
Fields = dict[str, Any]
ENDED = ("done", "failed", "cancelled", "interrupted")


@dataclass(frozen=True)
class JobRecord:
    """What is kept of a job; times are seconds since 1970. ``facts`` is what the result needs besides the cells."""

    id: str
    kind: str
    title: str
    request: Fields
    created: float
    state: str = "queued"
    stage: str | None = None
    done: int = 0
    total: int = 0
    failed: int = 0
    reused: int = 0
    fraction: float = 0.0
    rate: float | None = None
    eta_s: float | None = None
    started: float | None = None
    finished: float | None = None
    elapsed_s: float = 0.0
    error: str | None = None
    facts: Fields = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nobody works on it any more."""
        return self.state in ENDED


@dataclass(frozen=True)
class Event:
    """``id`` is the stream's own: later events have larger ones."""

    id: str
    event: str
    data: Fields


class _Caller(Protocol):
    def __call__(self, work: Callable[[redis.Redis], T], /) -> T: ...


class JobStore:
    """Every method raises StoreUnavailable: without a store there are no jobs."""

    def __init__(self, store: Store) -> None:
        self._call: _Caller = partial(store.call, patience_s=_PATIENCE_S)
        #: This process as an owner of jobs.
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex}"
        self._lock = threading.Lock()
        self._latest, self._mark = 0, secrets.randbits(48)

    def put(self, record: JobRecord, *, sync: bool = False) -> None:
        """Keeps a record. ``sync``: it is on the disk when this returns, where the store has one."""
        value = json.dumps(asdict(record), allow_nan=False)

        def write(client: redis.Redis) -> None:
            with client.pipeline(transaction=True) as pipe:
                pipe.set(_key(record.id), value)
                pipe.zadd(_ZSET, {record.id: record.created})
                pipe.execute()
            if sync:
                _synced(client)

        self._call(write)

    def get(self, job_id: str) -> JobRecord | None:
        """The record, or None."""
        return _record(self._call(lambda client: client.get(_key(job_id))))

    def all(self) -> list[JobRecord]:
        """Every record, newest first."""

        def read(client: redis.Redis) -> list[JobRecord | None]:
            ids = [_text(item) for item in client.zrevrange(_ZSET, 0, -1)]
            return [_record(value) for value in client.mget([_key(i) for i in ids])] if ids else []

        return [record for record in self._call(read) if record is not None]

    def delete(self, job_id: str) -> None:
        """Forgets a job; its finished cells stay."""
        names = [_key(job_id, part) for part in ("", "events", "plan", "failures", "live", "lease", "cancel")]

        def remove(client: redis.Redis) -> None:
            client.zrem(_ZSET, job_id)
            client.delete(*names)

        self._call(remove)

    def add_event(self, job_id: str, event: str, data: Mapping[str, Any]) -> str:
        """The id of the new event. It is added once, however often a broken line makes the call try again."""
        body = json.dumps(data, allow_nan=False)
        entry: dict[Any, Any] = {"event": event, "data": body}
        name, stamp = _key(job_id, "events"), self._stamp()

        def add(client: redis.Redis) -> object:
            try:
                return client.xadd(name, entry, id=stamp, maxlen=MOST_EVENTS, approximate=True)
            except redis.ResponseError as error:
                if "equal or smaller" not in str(error):
                    raise
            if client.xrange(name, min=stamp, max=stamp):
                return stamp  # it had arrived
            # The clock of an earlier owner was ahead of ours.
            return client.xadd(name, entry, maxlen=MOST_EVENTS, approximate=True)

        return _text(self._call(add))

    def _stamp(self) -> str:
        """An id for an event, of this process alone, later than those before."""
        with self._lock:
            self._latest = max(self._latest + 1, int(1000 * now()))
            return f"{self._latest}-{self._mark}"

    def events(self, job_id: str, *, after: str = "0", count: int = 200) -> list[Event]:
        """Events later than ``after``, oldest first."""
        found = self._call(lambda client: client.xrange(_key(job_id, "events"), min=f"({after}", max="+", count=count))
        return [
            Event(_text(name), _text(entry[b"event"]), json.loads(_text(entry[b"data"])))
            for name, entry in found or []
            if entry
        ]

    def set_plan(self, job_id: str, cells: Sequence[tuple[str, Fields]]) -> None:
        """The job's cells in order: key and spec."""
        value = json.dumps(list(cells), allow_nan=False)
        self._call(lambda client: client.set(_key(job_id, "plan"), value))

    def plan(self, job_id: str) -> list[tuple[str, Fields]]:
        """Keys and specs of the cells; none before the job knows them."""
        value = self._call(lambda client: client.get(_key(job_id, "plan")))
        return [(key, spec) for key, spec in json.loads(_text(value))] if value else []

    def put_cell(self, key: str, result: Fields) -> None:
        """Keeps a finished cell for every job that will ever ask for it. Raises ValueError for NaN and infinity."""
        name, check = measurement_key("cell", [key])
        value = encode_json(result, check)
        self._call(lambda client: client.set(name, value))

    def cells(self, keys: Sequence[str]) -> list[Fields | None]:
        """Results in the order of ``keys``; None for what is missing or damaged."""
        if not keys:
            return []
        names = [measurement_key("cell", [key]) for key in keys]
        values = self._call(lambda client: client.mget([name.name for name in names]))
        decoded = [
            decode_json(value if isinstance(value, bytes) else None, name.check)
            for value, name in zip(values, names, strict=True)
        ]
        return [found[0] if found is not None and isinstance(found[0], dict) else None for found in decoded]

    def forget_cells(self, keys: Sequence[str]) -> None:
        """Takes finished cells away (their run was deleted)."""
        names = [measurement_key("cell", [key]).name for key in keys]
        if names:
            self._call(lambda client: client.delete(*names))

    def set_part(self, job_id: str, part: str, key: str, value: Fields) -> None:
        """Keeps a failure or a live report (``part``) of one cell."""
        body = json.dumps(value, allow_nan=False)
        self._call(lambda client: client.hset(_key(job_id, part), key, body))

    def parts(self, job_id: str, part: str) -> dict[str, Fields]:
        """Failures or live reports by the key of their cell."""
        found = self._call(lambda client: client.hgetall(_key(job_id, part)))
        return {_text(key): json.loads(_text(value)) for key, value in found.items()}

    def clear_part(self, job_id: str, part: str, key: str | None = None) -> None:
        """Forgets one of them, or all."""
        name = _key(job_id, part)
        self._call(lambda client: client.delete(name) if key is None else client.hdel(name, key))

    def ask_to_cancel(self, job_id: str, asked: bool = True) -> None:
        """Leaves word for the owner, whichever process that is; or takes it back."""
        name = _key(job_id, "cancel")
        self._call(lambda client: client.set(name, b"1") if asked else client.delete(name))

    def asked_to_cancel(self, job_id: str) -> bool:
        """Whether somebody wants the job to end."""
        return bool(self._call(lambda client: client.exists(_key(job_id, "cancel"))))

    def take(self, job_id: str) -> bool:
        """Makes this process the owner, unless another living one is at work; what this one does itself it knows."""
        name = _key(job_id, "lease")
        return self._if_owner(
            name,
            lambda owner: owner is None or not self._lives(owner),
            lambda pipe: pipe.set(name, self.owner, px=int(LEASE_S * 1000)),
        )

    def renew(self, job_id: str) -> bool:
        """Tells the others that the owner is alive. False: another process has taken the job."""
        name = _key(job_id, "lease")
        return self._if_owner(
            name,
            lambda owner: owner in (None, self.owner),
            lambda pipe: pipe.set(name, self.owner, px=int(LEASE_S * 1000)),
        )

    def release(self, job_id: str) -> bool:
        """Nobody works on the job any more. False: another process has taken it."""
        name = _key(job_id, "lease")
        return self._if_owner(
            name,
            lambda owner: owner in (None, self.owner),
            lambda pipe: pipe.delete(name, _key(job_id, "cancel")),
        )

    def alive(self, job_id: str) -> bool:
        """Whether another living process owns the job."""
        value = self._call(lambda client: client.get(_key(job_id, "lease")))
        return value is not None and self._lives(_text(value))

    def _if_owner(self, name: str, wanted: Callable[[str | None], bool], write: Callable[["Pipeline"], object]) -> bool:
        """Writes if the owner in ``name`` is a wanted one, and nobody changes that meanwhile; whether it did."""

        def change(client: redis.Redis) -> bool:
            with client.pipeline() as pipe:
                pipe.watch(name)  # type: ignore[no-untyped-call]
                value = pipe.get(name)
                if not wanted(None if value is None else _text(value)):
                    return False
                pipe.multi()
                write(pipe)
                try:
                    pipe.execute()
                except redis.WatchError:
                    return False  # somebody else was faster
            return True

        return self._call(change)

    def _lives(self, owner: str) -> bool:
        host, pid, _ = owner.rsplit(":", 2)
        if host != socket.gethostname():
            return True
        if int(pid) == os.getpid():
            return False  # an earlier process that had our number, or a job of our own that never began
        try:
            os.kill(int(pid), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True


def now() -> float:
    """Seconds since 1970."""
    return time.time()


def record_of(value: Mapping[str, Any]) -> JobRecord:
    """A record from its JSON; fields of a newer version are left out."""
    known = {item.name for item in fields(JobRecord)}
    return JobRecord(**{name: item for name, item in value.items() if name in known})


def _record(value: object) -> JobRecord | None:
    return record_of(json.loads(_text(value))) if value else None


def _synced(client: redis.Redis) -> None:
    """Waits until the append-only file is on the disk; a server without one has nothing to wait for."""
    try:
        client.waitaof(1, 0, _SYNC_MS)
    except redis.ResponseError:
        return


def _key(job_id: str, part: str = "") -> str:
    return f"bs:job:{SCHEMA}:{job_id}" + (f":{part}" if part else "")


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
