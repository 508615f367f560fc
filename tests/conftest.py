import os
import shutil
import sys

import pytest

# Shared cores: OpenMP threads that spin make everything slower. Set before torch or numpy load.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Checks in the background would add passes that tests of the queue count.
os.environ.setdefault("BINDSCOPE_MODEL_CHECKS", "off")


@pytest.fixture(autouse=True)
def _same_main():
    """Streamlit's AppTest puts the page in the place of ``__main__``, which every spawned worker would then run."""
    before = sys.modules["__main__"]
    yield
    sys.modules["__main__"] = before


@pytest.fixture(scope="session")
def settings(tmp_path_factory):
    """Of the one service that all tests share which do not harm it."""
    from bindscope.core.config import Settings

    return Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), preload=(), batch_window_ms=0.5)


@pytest.fixture(scope="session")
def api(settings):
    """Its HTTP side."""
    from starlette.testclient import TestClient

    from bindscope.api.app import create_app

    with TestClient(create_app(settings), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture(scope="session")
def parts(api):
    """Its services."""
    return api.app_state["services"]


@pytest.fixture
def scene():
    return {
        "space": "shapes2d",
        "objects": [
            {"values": {"color": "red", "shape": "square"}, "x": 0.3, "y": 0.5, "size": 0.28},
            {"values": {"color": "blue", "shape": "circle"}, "x": 0.7, "y": 0.5, "size": 0.28},
        ],
    }


@pytest.fixture(scope="session")
def browser():
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("no Chromium on this machine")
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=path, args=flags)
        yield started
        started.close()
