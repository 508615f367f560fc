"""The pages, one package each, by the noun of the feature they show: ``page`` draws it, the rest is its own."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple


class Entry(NamedTuple):
    """``noun``: the package; ``address``: the last part of the page's address."""

    title: str
    address: str
    noun: str
    icon: str

    def page(self) -> Any:
        """What draws it."""
        return import_module(f"{__name__}.{self.noun}.page").page


#: In the order of the navigation, by the heading above them.
PAGES: Mapping[str, Sequence[Entry]] = {
    "": (
        Entry("Compose", "compose", "verdicts", ":material/draw:"),
        Entry("Survey", "survey", "surveys", ":material/grid_on:"),
    ),
    "Your own": (
        Entry("Data", "data", "datasets", ":material/folder_open:"),
        Entry("Photo", "photo", "photos", ":material/photo_camera:"),
        Entry("Tests", "tests", "caption_tests", ":material/quiz:"),
    ),
    "Look inside": (
        Entry("Probe", "probe", "probes", ":material/sensors:"),
        Entry("Decompose", "decompose", "decompositions", ":material/stacked_bar_chart:"),
        Entry("Interventions", "interventions", "interventions", ":material/content_cut:"),
        Entry("Complexity", "complexity", "complexity", ":material/function:"),
        Entry("Map", "map", "projections", ":material/scatter_plot:"),
    ),
    "Choose and repair": (
        Entry("Compare", "compare", "comparisons", ":material/leaderboard:"),
        Entry("Retrieve", "retrieve", "retrievals", ":material/image_search:"),
        Entry("Repair", "repair", "repairs", ":material/build:"),
    ),
    "Train": (
        Entry("Train", "train", "trainings", ":material/model_training:"),
        Entry("Phase", "phase", "phase_diagrams", ":material/blur_linear:"),
    ),
    "Service": (
        Entry("Jobs", "jobs", "jobs", ":material/checklist:"),
        Entry("System", "system", "system", ":material/memory:"),
    ),
}
