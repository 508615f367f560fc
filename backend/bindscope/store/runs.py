"""Controlled trainings as files among the artifacts."""

import json
import re
from typing import Any

from bindscope.core.errors import UnknownName
from bindscope.store.artifacts import Artifacts

_RUN = re.compile(r"[0-9a-f]{16}")


class RunRepository:
    """The trainings whose files lie in the artifacts; what the ``controlled:`` encoders read."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts

    def ids(self) -> list[str]:
        """Every run that has files, finished or not."""
        return [name for name in self._artifacts.listed(("runs",)) if _RUN.fullmatch(name)]

    def read(self, run_id: str, name: str) -> bytes:
        """One file of a run. Raises UnknownName."""
        return self._artifacts.folder("runs", run_id).read(name)

    def delete(self, run_id: str) -> dict[str, Any]:
        """Takes a run away; its definition. Raises UnknownName."""
        folder = self._artifacts.folder("runs", run_id)
        if "config.json" not in folder.names():
            raise UnknownName("run", run_id, self.ids())
        definition: dict[str, Any] = json.loads(folder.read("config.json"))
        folder.delete()
        return definition

    def finished(self) -> list[dict[str, Any]]:
        """Settings and figures of the finished runs."""
        return [run for run in map(self._finished, self.ids()) if run is not None]

    def _finished(self, run_id: str) -> dict[str, Any] | None:
        folder = self._artifacts.folder("runs", run_id)
        if "result.json" not in folder.names():
            return None
        result, config = json.loads(folder.read("result.json")), json.loads(folder.read("config.json"))["config"]
        figures: dict[str, Any] = {f"{name}_object": result[name]["object"]["value"] for name in ("seen", "unseen")}
        return {
            "model": f"controlled:{run_id}",
            "run": run_id,
            "config": config,
            **figures,
            "binding": result.get("binding"),
        }
