"""Repair of a text tower by one linear map. Torch is imported when a map is learned."""

from bindscope.analysis.repair.blocks import Block, Blocks, blocks_of_scenes, blocks_of_space
from bindscope.analysis.repair.choosing import Confirmation, PathPoint, Repair, Stratum, repair
from bindscope.analysis.repair.data import Captions, RepairData
from bindscope.analysis.repair.figures import Figures
from bindscope.analysis.repair.scenes import scenes_with_blocks

__all__ = [
    "Block",
    "Blocks",
    "Captions",
    "Confirmation",
    "Figures",
    "PathPoint",
    "Repair",
    "RepairData",
    "Stratum",
    "blocks_of_scenes",
    "blocks_of_space",
    "repair",
    "scenes_with_blocks",
]
