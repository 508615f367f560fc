"""What every kind of long work says about itself."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from bindscope.core import hashing
from bindscope.core.hashing import canonical_json
from bindscope.jobs.worker import Cell
from bindscope.store.artifacts import ArtifactFolder, Artifacts

Fields = dict[str, Any]


class Desk(Protocol):
    """What a kind may use while it prepares its cells."""

    @property
    def artifacts(self) -> Artifacts: ...

    @property
    def folder(self) -> ArtifactFolder:
        """Files that only this job needs, and only while it runs."""
        ...

    def stage(self, text: str | None) -> None:
        """Says what happens now. Raises Cancelled when the job was told to stop."""
        ...

    def compute(self, work: str, inputs: Fields) -> Fields:
        """The result of one preparing step, done on a worker."""
        ...


@dataclass(frozen=True)
class Plan:
    """``inputs`` is shared by all cells; ``facts`` is what the result needs besides them."""

    cells: list[Cell]
    inputs: Fields = field(default_factory=dict)
    facts: Fields = field(default_factory=dict)


class JobKind(Protocol):
    """One kind of long work. Requests are plain JSON that ``identity`` has checked."""

    name: str
    work: str
    #: Whether its cells want a GPU where a worker has one.
    gpu: bool

    def title(self, request: Fields) -> str:
        """A line for people."""
        ...

    def identity(self, request: Fields) -> Fields:
        """What names the job: equal identities are the same job. Checks the request; raises BindscopeError."""
        ...

    def prepare(self, request: Fields, desk: Desk) -> Plan:
        """The cells, known before any is computed."""
        ...

    def grouped(self, cells: Sequence[Cell]) -> list[tuple[Cell, ...]]:
        """Cells that one task computes together."""
        ...

    def result(self, facts: Fields, cells: Sequence[tuple[Fields, Fields]]) -> Fields:
        """The result of the finished cells (spec and result), in their order."""
        ...


def digest(*parts: object) -> str:
    """32 hexadecimal characters that change when any part does."""
    return hashing.digest(canonical_json(parts))


def plain(value: Any) -> Fields:
    """A dataclass, or a dict, as JSON fields: tuples become lists. Raises ValueError for numbers that are none."""
    fields: Fields = json.loads(json.dumps(value if isinstance(value, dict) else asdict(value), allow_nan=False))
    return fields


def counted(items: Sequence[object], noun: str, plural: str = "") -> str:
    """``1 seed``, ``3 seeds``."""
    return f"{len(items)} {noun if len(items) == 1 else plural or noun + 's'}"
