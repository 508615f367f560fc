"""The light client, for notebooks, scripts and the dashboard: ``BindscopeClient`` and ``ApiError``."""

from bindscope.client.errors import ApiError, ServiceUnreachable
from bindscope.client.http import BindscopeClient

__all__ = ["ApiError", "BindscopeClient", "ServiceUnreachable"]
