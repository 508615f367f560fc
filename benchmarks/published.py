"""What benchmarks share: the published procedures, where they are at hand, and a line for each figure."""

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

_FOLDER = Path(__file__).parent.parent.parent / "shared" / "reference"


def published(*names: str) -> list[ModuleType] | None:
    """Modules of the published procedures, read from ``../shared/reference`` beside the repository.

    None, with a word on stderr, where they are not there: then there is nothing to compare with.
    """
    if not _FOLDER.exists():
        print("The published procedures are not beside this repository: no comparison.", file=sys.stderr)
        return None
    return [_loaded(name) for name in names]


def _loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"bindscope_bench_{name}", _FOLDER / f"{name}.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(_FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def say(name: str, value: float, unit: str, aim: str = "") -> None:
    """One JSON line for the table."""
    print(json.dumps({"name": name, "value": value, "unit": unit, **({"aim": aim} if aim else {})}), flush=True)
