"""Bindscope: a microscope for concept binding in embedding models.

Layers, each importing only those below it: ``cli -> api -> services -> training ->
(analysis, store) -> encoders -> models -> domain``; beside them ``client -> schemas -> domain``.
"""

__version__ = "0.1.0"
