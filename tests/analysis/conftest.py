import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

TESTS = Path(__file__).parent.parent


def load(path: Path) -> ModuleType:
    name = f"bindscope_tests_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def oracles() -> ModuleType:
    return load(TESTS / "oracles.py")


@pytest.fixture(scope="session")
def published_worlds() -> ModuleType:
    path = TESTS.parent.parent / "shared" / "reference" / "worlds.py"
    if not path.exists():
        pytest.skip("The published worlds are not beside this repository.")
    return load(path)


def reference(name: str) -> ModuleType:
    path = TESTS.parent.parent / "shared" / "reference" / f"{name}.py"
    if not path.exists():
        pytest.skip("The reference is not beside this repository.")
    return load(path)


@pytest.fixture(scope="session")
def reference_score() -> ModuleType:
    return reference("binding_score")


@pytest.fixture(scope="session")
def reference_ridge() -> ModuleType:
    return reference("ridge_probe")


@pytest.fixture(scope="session")
def reference_procedure() -> ModuleType:
    return reference("reference")
