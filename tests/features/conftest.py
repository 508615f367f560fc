import pytest

from mini_space import MINI


@pytest.fixture(scope="session")
def mini(api):
    """Twelve objects: all scenes of two of them can be asked."""
    answer = api.post("/v1/spaces", content=MINI, headers={"Content-Type": "application/yaml"})
    assert answer.status_code == 201, answer.text
