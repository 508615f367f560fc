from types import ModuleType

import pytest

from references import TESTS, load, reference


@pytest.fixture(scope="session")
def oracles() -> ModuleType:
    return load(TESTS / "oracles.py")


@pytest.fixture(scope="session")
def published_worlds() -> ModuleType:
    return reference("worlds")


@pytest.fixture(scope="session")
def reference_score() -> ModuleType:
    return reference("binding_score")


@pytest.fixture(scope="session")
def reference_ridge() -> ModuleType:
    return reference("ridge_probe")


@pytest.fixture(scope="session")
def reference_procedure() -> ModuleType:
    return reference("reference")
