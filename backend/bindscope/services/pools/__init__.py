"""Where scenes come from: drawn from a concept space, or uploaded. Analyses take either and never ask which."""

from bindscope.services.pools.pool import EmbeddedScenes, Progress, ScenePool
from bindscope.services.pools.pools import ScenePools

__all__ = ["EmbeddedScenes", "Progress", "ScenePool", "ScenePools"]
