import pytest

from bindscope.core.config import Settings
from bindscope.services.container import assembled


@pytest.fixture(scope="session")
def parts(tmp_path_factory):
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), store="off", preload=())
    with assembled(settings) as services:
        yield services
