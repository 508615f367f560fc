"""Settings of controlled trainings: as the service sends them, beside their presets, and as squares of a diagram."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from bindscope.core.errors import InvalidInput
from bindscope.scenes.controlled import ControlledConfig

_NAMES = frozenset(field.name for field in fields(ControlledConfig))


def config_of(settings: Mapping[str, Any]) -> ControlledConfig:
    """The settings that the service sent; those that are left out have their defaults. Raises InvalidInput."""
    unknown = sorted(set(settings) - _NAMES)
    if unknown:
        raise InvalidInput(f"The service has settings that this dashboard does not know ({', '.join(unknown)}).")
    return ControlledConfig(**settings)


def settings_of(config: ControlledConfig) -> dict[str, Any]:
    """Every setting by name."""
    return asdict(config)


def nearest_preset(config: ControlledConfig, presets: Mapping[str, ControlledConfig]) -> str:
    """The preset with the fewest other settings; empty where there is none."""
    return min(presets, key=lambda name: len(asdict(config).items() - asdict(presets[name]).items()), default="")


def square_key(space: str, coverage: float) -> str:
    """A square of the diagram in a link."""
    return f"{space}~{coverage:g}"
