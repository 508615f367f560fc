"""Repairs as files among the artifacts."""

import json
import re
from typing import Any

from bindscope.core.errors import UnknownName
from bindscope.encoders.families.repaired import RECORD, VERSION
from bindscope.store.artifacts import ArtifactFolder, Artifacts

_ID = re.compile(r"[0-9a-f]{16}")


class RepairRepository:
    """``repairs/ID`` in the artifacts: ``map.npz`` and, written last, ``repair.json``."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    def ids(self) -> list[str]:
        """All repairs."""
        return [name for name in self._artifacts.listed(("repairs",)) if _ID.fullmatch(name)]

    def read(self, repair_id: str, name: str, /) -> bytes:
        """One file of a finished repair. Raises UnknownName."""
        folder = self.folder(repair_id)
        if RECORD not in folder.names():
            raise UnknownName("repair", repair_id, self.ids())
        return folder.read(name)

    def record(self, repair_id: str) -> dict[str, Any] | None:
        """What was found; None where there is no such repair, or one of an earlier version that has to be redone."""
        folder = self.folder(repair_id)
        found: dict[str, Any] = json.loads(folder.read(RECORD)) if RECORD in folder.names() else {}
        return found if found.get("version") == VERSION else None

    def folder(self, repair_id: str) -> ArtifactFolder:
        """The files of a repair."""
        return self._artifacts.folder("repairs", repair_id)
