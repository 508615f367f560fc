"""What Probe shows."""

from collections.abc import Mapping
from typing import Any

from bindscope.features.probes.schemas import ProbeRequest
from bindscope_dashboard.shared.links import Modality, body_of
from bindscope_dashboard.shared.states import DatasetId, SourceState, of_percent

#: Initialisations of the random-weights twin.
TWINS = 3


class ProbeState(SourceState):
    """Both towers are asked. ``dataset``: an upload in place of model and space."""

    request: ProbeRequest
    dataset: DatasetId | None = None

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        found = of_percent(link, "train_percent", "train_ratio")
        return {**found, "twins": str(TWINS)} if found.get("twins") == "1" else found

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {name: text for name, text in link.items() if name != "modality"}

    def asks(self, modality: Modality) -> dict[str, Any]:
        """The request about one tower, or about the upload."""
        if self.dataset:
            return {**body_of(self.changed(twins=0).request), "source": {"dataset": self.dataset}}
        return body_of(self.changed(modality=modality).request)
