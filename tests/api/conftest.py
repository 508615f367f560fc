import pytest
from starlette.testclient import TestClient

from bindscope.api.app import create_app
from bindscope.core.config import Settings


@pytest.fixture(scope="session")
def settings(tmp_path_factory) -> Settings:
    return Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), preload=(), batch_window_ms=0.5)


@pytest.fixture(scope="session")
def api(settings):
    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def scene():
    return {
        "space": "shapes2d",
        "objects": [
            {"values": {"color": "red", "shape": "square"}, "x": 0.3, "y": 0.5, "size": 0.28},
            {"values": {"color": "blue", "shape": "circle"}, "x": 0.7, "y": 0.5, "size": 0.28},
        ],
    }
