"""Bindscope: a microscope for concept binding in embedding models.

Layers, each importing only those below it: ``cli -> api -> features -> services -> (training, jobs) ->
(analysis, store) -> encoders -> models -> scenes -> core``; beside them ``client -> features/*/schemas``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bindscope.client import BindscopeClient

__version__ = "0.1.0"
__all__ = ["__version__", "local"]


def local(**settings: Any) -> "BindscopeClient":
    """A client of a service in this very process, without a server: for notebooks and scripts.

    ``with bindscope.local(data_dir="...") as client: client.verdict_batch("bundled:tiny-bag")``. Keywords are settings
    of the service. Needs the ``service`` extra. Raises InvalidInput where the service cannot start.
    """
    # By name: a light client must be able to import this package without the service.
    client: BindscopeClient = import_module("bindscope.api.in_process").local(**settings)
    return client
