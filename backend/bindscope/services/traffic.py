"""Told about each request by whatever serves it."""

from typing import Protocol


class Traffic(Protocol):
    """Counts requests."""

    def began(self) -> None:
        """One more is being answered."""
        ...

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """It was answered. ``route`` is the pattern of the address, not the address."""
        ...
