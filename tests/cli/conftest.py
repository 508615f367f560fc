import pytest

from bindscope.core.config import Settings
from command_line import typed
from real_service import serving


@pytest.fixture(scope="session")
def command_service(tmp_path_factory):
    """One service that the commands of all tests ask."""
    settings = Settings(_env_file=None, data_dir=tmp_path_factory.mktemp("data"), preload=(), workers=1)
    with serving(settings) as url:
        yield url


@pytest.fixture
def bindscope(command_service):
    """A command as it is typed beside a running service."""

    def command(*arguments, stdin=""):
        done = typed(*arguments, url=command_service, stdin=stdin)
        assert "Traceback" not in done.stderr
        return done

    return command
