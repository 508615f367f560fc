import os
import signal
import stat
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import unquote

import pytest
import redis

from bindscope.core.errors import StoreUnavailable
from bindscope.store import runtime_folder as folders
from bindscope.store import valkey as module
from bindscope.store.locks import open_lock, try_lock, wait_until
from bindscope.store.valkey import EmbeddedStore

USER = """
import sys
from pathlib import Path
from bindscope.store.valkey import EmbeddedStore
store = EmbeddedStore(Path(sys.argv[1]))
store.start()
print(store.pid, store.url, flush=True)
sys.stdin.readline()
store.stop()
"""


@contextmanager
def running(data_dir):
    command = [sys.executable, "-c", USER, str(data_dir)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def read_pid(process) -> int:
    return int(process.stdout.readline().split()[0])


@contextmanager
def another_process(data_dir):
    """A second user of the data directory; leaves when told to, is killed otherwise."""
    with running(data_dir) as process:
        pid, url = process.stdout.readline().split()
        yield process, int(pid), url


def leave(process):
    process.communicate("leave\n", timeout=30)
    assert process.returncode == 0


@contextmanager
def client_of(url):
    with redis.Redis.from_url(url, protocol=3) as client:
        yield client


def socket_of(store) -> Path:
    return Path(unquote(store.url.removeprefix("unix://")))


def gone(pid) -> bool:
    """Whether the process has ended (whoever inherited it may not have collected it yet)."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        status = Path(f"/proc/{pid}/stat")
        if status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
            return True
        time.sleep(0.01)
    return False


def test_the_socket_lies_in_a_private_folder_and_there_is_no_port(shared):
    path = socket_of(shared)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert len(os.fsencode(path)) < 100
    with client_of(shared.url) as client:
        assert client.config_get("port")["port"] == "0"


def test_only_entries_with_a_time_to_live_may_be_evicted(shared):
    with client_of(shared.url) as client:
        settings = client.config_get("maxmemory*", "appendonly", "appendfsync", "save")
    assert settings["maxmemory-policy"] == "volatile-lfu"
    assert settings["maxmemory"] == str(512 * 2**20)
    assert (settings["appendonly"], settings["appendfsync"], settings["save"]) == ("yes", "everysec", "")


def test_what_was_stored_is_there_after_a_stop_and_a_start(tmp_path):
    store = EmbeddedStore(tmp_path / "a folder, ü")
    for expected in (None, b"kept"):
        with store, client_of(store.url) as client:
            assert client.get("name") == expected
            client.set("name", "kept")


def test_a_killed_server_is_started_again_with_its_data(own):
    first = own.pid
    with client_of(own.url) as client:
        client.set("name", "kept")
        assert client.waitaof(1, 0, 5000)[0] == 1
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    own.ensure()
    assert own.pid != first
    with client_of(own.url) as client:
        assert client.get("name") == b"kept"


def test_ensure_leaves_a_server_that_answers_alone(own):
    first = own.pid
    own.ensure()
    own.start()
    assert own.pid == first


def test_two_processes_share_one_server_and_the_last_one_stops_it(own, tmp_path):
    with another_process(tmp_path) as (process, pid, url):
        assert (pid, url) == (own.pid, own.url)
        leave(process)
    assert own.pid == pid
    own.ensure()
    own.stop()
    assert gone(pid)
    assert not socket_of(own).exists()


def test_processes_that_start_at_the_same_moment_get_the_same_server(tmp_path):
    with ExitStack() as stack:
        started = [stack.enter_context(running(tmp_path)) for _ in range(4)]
        pids = {read_pid(process) for process in started}
        assert len(pids) == 1
        for process in started:
            leave(process)
        assert gone(pids.pop())


def test_the_server_outlives_the_process_that_started_it_while_another_uses_it(tmp_path):
    with another_process(tmp_path) as (process, pid, _):
        with EmbeddedStore(tmp_path) as store:
            leave(process)
            assert store.pid == pid
            with client_of(store.url) as client:
                assert client.ping()
        assert gone(pid)


def test_the_server_of_a_killed_process_is_adopted_and_stopped_later(tmp_path):
    with another_process(tmp_path) as (process, pid, url):
        process.kill()
        process.wait()
        with EmbeddedStore(tmp_path) as store:
            assert (store.pid, store.url) == (pid, url)
    assert gone(pid)


def test_process_and_server_killed_together_leave_nothing_in_the_way(tmp_path):
    with another_process(tmp_path) as (process, pid, _):
        process.kill()
        os.kill(pid, signal.SIGKILL)
        process.wait()
        assert gone(pid)
        with EmbeddedStore(tmp_path) as store:
            assert store.pid != pid


def test_a_server_that_dies_while_it_is_adopted_is_replaced(tmp_path):
    # The lock of a dying process outlives it by an instant: held here, let go while the new store looks at the socket.
    with another_process(tmp_path) as (process, pid, _):
        process.kill()
        os.kill(pid, signal.SIGKILL)
        process.wait()
        assert gone(pid)
        lock = open_lock(tmp_path / "kv" / "server.lock")
        assert wait_until(lambda: try_lock(lock), seconds=5)
        release = threading.Timer(0.2, os.close, (lock,))
        release.start()
        with EmbeddedStore(tmp_path) as store:
            assert store.pid not in (None, pid)
        release.join()


def test_a_socket_that_was_swept_away_brings_a_new_server(own):
    first = own.pid
    socket_of(own).unlink()
    own.ensure()
    assert gone(first)
    assert socket_of(own).exists()


def test_processes_with_different_runtime_folders_share_the_server(own, tmp_path, monkeypatch):
    elsewhere = Path(folders.tempfile.mkdtemp(prefix="bs-", dir="/tmp"))
    try:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(elsewhere))
        with EmbeddedStore(tmp_path) as second:
            assert second.url == own.url
    finally:
        elsewhere.rmdir()


def test_a_runtime_folder_that_others_can_enter_is_refused(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    folder.chmod(0o755)
    with pytest.raises(StoreUnavailable, match="mode 700"):
        folders.make_private(folder)


def test_a_link_in_place_of_the_runtime_folder_is_refused(tmp_path):
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with pytest.raises(StoreUnavailable, match="private folder"):
        folders.make_private(tmp_path / "link")


def test_a_long_runtime_folder_is_passed_over(monkeypatch, tmp_path):
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    assert long not in folders.runtime_folder(tmp_path).parents


def test_data_directories_have_sockets_of_their_own(tmp_path):
    assert folders.runtime_folder(tmp_path / "a") != folders.runtime_folder(tmp_path / "b")


def test_a_server_that_cannot_start_says_what_its_log_says(tmp_path):
    files = tmp_path / "kv" / "appendonlydir"
    files.mkdir(parents=True)
    (files / "appendonly.aof.manifest").write_text("not a manifest\n")
    with pytest.raises(StoreUnavailable, match="log says"), EmbeddedStore(tmp_path):
        pass


def test_a_data_directory_that_is_a_file_is_a_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="BINDSCOPE_DATA_DIR"), EmbeddedStore(tmp_path / "file"):
        pass


def test_a_lock_that_cannot_be_opened_is_a_clear_error(tmp_path):
    (tmp_path / "kv" / "start.lock").mkdir(parents=True)
    with pytest.raises(StoreUnavailable, match="BINDSCOPE_DATA_DIR"), EmbeddedStore(tmp_path):
        pass


def test_a_platform_without_the_binary_asks_for_a_server_of_your_own(monkeypatch, tmp_path):
    monkeypatch.setattr("platform.system", lambda: "Windows")
    with pytest.raises(StoreUnavailable, match="BINDSCOPE_REDIS_URL"):
        module.server_binary()


def test_a_store_that_was_left_is_not_started_by_ensure(own):
    own.stop()
    with pytest.raises(StoreUnavailable, match="closed"):
        own.ensure()
    assert own.pid is None
