"""One package a feature: ``schemas`` and ``findings`` (light), ``service``, ``routes`` and ``cli``.

The app, the command line and the client go through ``FEATURES``. It holds names only, so that whoever needs the schemas
of one feature imports nothing else: ``module(name, part)`` imports a part when it is wanted.
"""

from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bindscope.core.wire import Endpoint
    from bindscope.services.container import Services

#: In the order of the documentation.
FEATURES = (
    "system",
    "models",
    "model_checks",
    "spaces",
    "scenes",
    "embeddings",
    "verdicts",
    "surveys",
    "counterexamples",
    "probes",
    "decompositions",
    "removals",
    "interventions",
    "projections",
    "retrievals",
    "near_duplicates",
    "repairs",
    "comparisons",
    "photos",
    "jobs",
    "complexity",
    "trainings",
    "datasets",
    "caption_tests",
)


def start(services: "Services") -> None:
    """Tells the running service what features have to say before the first request: each calls its own ``start``."""
    for name in FEATURES:
        found = module(name, "service")
        if found is not None and hasattr(found, "start"):
            found.start(services)


def module(feature: str, part: str) -> ModuleType | None:
    """A part of a feature; None where it has no such part."""
    name = f"{__name__}.{feature}.{part}"
    return import_module(name) if find_spec(name) else None


def endpoints() -> "list[Endpoint[Any, Any]]":
    """Every question that can be posted, in the order of the documentation."""
    from bindscope.core.wire import Endpoint

    found = []
    for name in FEATURES:
        schemas = module(name, "schemas")
        if schemas is not None:
            found += [own for own in vars(schemas).values() if isinstance(own, Endpoint)]
    return found
