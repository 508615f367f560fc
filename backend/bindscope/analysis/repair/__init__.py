"""Repair of a text tower by one linear map (METHODS section 9). Torch is imported when a map is learned."""

from bindscope.analysis.repair.choosing import PathPoint, Repair, repair
from bindscope.analysis.repair.figures import Figures, RepairData

__all__ = ["Figures", "PathPoint", "Repair", "RepairData", "repair"]
