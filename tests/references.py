"""Independent versions of the arithmetic, where they lie beside this repository."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parent


def load(path: Path) -> ModuleType:
    """A module from a file."""
    name = f"bindscope_tests_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def reference(name: str) -> ModuleType:
    """One of the references; the test is skipped where it is not there."""
    path = TESTS.parent.parent / "shared" / "reference" / f"{name}.py"
    if not path.exists():
        pytest.skip("The reference is not beside this repository.")
    return load(path)
