from types import ModuleType

import pytest

from references import reference


@pytest.fixture(scope="session")
def reference_score() -> ModuleType:
    return reference("binding_score")
