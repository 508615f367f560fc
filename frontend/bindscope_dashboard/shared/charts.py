"""Settings of the figures that readers can save: a camera button, in the format that the Share menu names."""

from typing import Any

from bindscope_dashboard.shared import state


def saving(name: str, *, explore: bool = False) -> dict[str, Any]:
    """Plotly's settings for a figure that is saved as ``bindscope-NAME``; ``explore`` adds lasso, box, zoom and pan."""
    buttons = [["toImage"], ["lasso2d", "select2d", "zoom2d", "pan2d", "resetScale2d"], ["orbitRotation", "zoom3d"]]
    return {
        "displaylogo": False,
        "responsive": True,
        # It would cover the last label of a figure: it comes with the pointer, except where it is a tool of the page.
        "displayModeBar": True if explore else "hover",
        "scrollZoom": explore,
        "modeBarButtons": buttons[: 2 if explore else 1],
        "toImageButtonOptions": {"format": state.figure_format(), "filename": f"bindscope-{name}", "scale": 2},
    }
