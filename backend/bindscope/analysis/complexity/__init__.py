"""Complexity of the binding function: how small a function of the concept values gives the
embeddings of scenes of unseen objects? Torch, scipy and scikit-learn are imported only by the families that need them.
"""

from bindscope.analysis.complexity.results import ComplexityResult, fit_cells, grouped
from bindscope.analysis.complexity.splits import ObjectSplit, object_split

__all__ = ["ComplexityResult", "ObjectSplit", "fit_cells", "grouped", "object_split"]
