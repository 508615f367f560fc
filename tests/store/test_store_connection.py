import os
import signal
import socket
import threading
import time
from urllib.parse import quote

import pytest

from bindscope.core.errors import InvalidInput, StoreUnavailable
from bindscope.store.connection import Store, open_store
from bindscope.store.locks import wait_until
from bindscope.store.valkey import EmbeddedStore


def returns(store) -> bool:
    return wait_until(lambda: store.available, seconds=15)


def seconds_of(work) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def fails(store, match="store"):
    with pytest.raises(StoreUnavailable, match=match):
        store.call(lambda client: client.get("a"))


def test_a_store_that_answers_says_what_it_is(store):
    status = store.status()
    assert (status.state, status.kind, status.last_error) == ("ok", "external", None)
    assert status.server is not None
    assert status.server.startswith("Valkey 9.")
    assert status.memory_bytes is not None
    assert status.memory_bytes > 0
    assert status.keys is not None


def test_no_store_at_all_is_a_state_of_its_own():
    with Store() as store:
        assert not store.available
        assert (store.status().state, store.status().kind) == ("off", "off")
        fails(store, "switched off")


def test_a_dead_store_costs_one_call_and_is_picked_up_when_it_returns(own):
    with Store(own.url, retry_s=0.2) as store:
        assert store.available
        os.kill(own.pid, signal.SIGKILL)
        assert seconds_of(lambda: fails(store, "cannot be reached")) < 1
        assert not store.available
        assert store.status().state == "degraded"
        assert "cannot be reached" in (store.status().last_error or "")
        own.ensure()
        assert returns(store)
        assert store.status().state == "ok"
        assert store.call(lambda client: client.set("a", "b"))


def test_while_the_store_is_gone_calls_do_not_touch_it(own):
    with Store(own.url, retry_s=60) as store:
        os.kill(own.pid, signal.SIGKILL)
        fails(store)
        own.ensure()
        calls = []
        with pytest.raises(StoreUnavailable):
            store.call(calls.append)
        assert calls == []


def test_a_store_that_hangs_is_given_up_within_a_second_and_picked_up_again(own):
    with Store(own.url, timeout_s=0.2, retry_s=0.2) as store:
        pid = own.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            assert seconds_of(lambda: fails(store, "in time")) < 1
            assert not store.available
        finally:
            os.kill(pid, signal.SIGCONT)
        assert returns(store)


def test_the_embedded_server_is_started_again_without_being_asked(tmp_path):
    embedded = EmbeddedStore(tmp_path)
    with Store(embedded=embedded, retry_s=0.1, timeout_s=5) as store:
        first = embedded.pid
        store.call(lambda client: client.set("a", "b"))
        os.kill(first, signal.SIGKILL)
        fails(store)
        assert returns(store)
        assert embedded.pid not in (None, first)
        assert store.status().kind == "embedded"
    assert embedded.pid is None


def test_a_store_that_is_not_there_at_the_start_is_picked_up_when_it_comes(tmp_path):
    with EmbeddedStore(tmp_path) as embedded:
        url = embedded.url
    with Store(url, retry_s=0.1) as store:
        assert store.status().state == "degraded"
        with EmbeddedStore(tmp_path):
            assert returns(store)


def test_a_full_store_refuses_writes_and_stays_available(own):
    with Store(own.url, timeout_s=10) as store:
        store.call(lambda client: client.config_set("maxmemory", 1))
        with pytest.raises(StoreUnavailable, match="full"):
            store.call(lambda client: client.set("a", "b"))
        assert store.available


def test_a_wrong_command_does_not_open_the_breaker(store, model):
    store.call(lambda client: client.lpush(model, "a"))
    with pytest.raises(StoreUnavailable, match="refused"):
        store.call(lambda client: client.incr(model))
    assert store.available
    store.call(lambda client: client.delete(model))


def test_a_password_is_used_and_never_shown(own, caplog):
    secret = "s3cr3t/with@signs"
    with Store(own.url, timeout_s=10) as store:
        store.call(lambda client: client.config_set("requirepass", secret))
    base = own.url.removeprefix("unix://")
    with Store(f"unix://:{quote(secret, safe='')}@{base}", timeout_s=10) as store:
        assert store.available
    for address in (f"unix://:wrong-{quote(secret, safe='')}@{base}", own.url):
        with Store(address, timeout_s=10) as store:
            status = store.status()
            assert status.state == "degraded"
            assert "password" in (status.last_error or "")
            assert "s3cr3t" not in f"{status} {store!r} {caplog.text}"


@pytest.mark.parametrize(
    "url", ["http://host", "localhost:6379", "redis://:s3cr3t@host:port/0", "redis://:s3cr3t/x@h/0"]
)
def test_a_malformed_address_is_bad_input_that_says_how_to_write_one(url):
    with pytest.raises(InvalidInput, match="redis://host:6379/0") as caught:
        Store(url)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_server_that_is_no_store_is_told_apart():
    def answer(listener):
        line, _ = listener.accept()
        with line:
            line.recv(1024)
            line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=answer, args=(listener,))
        server.start()
        with Store(f"redis://127.0.0.1:{listener.getsockname()[1]}", retry_s=60, timeout_s=10) as store:
            assert "no Redis or Valkey" in (store.status().last_error or "")
        server.join(10)


def test_threads_end_when_the_store_is_closed(tmp_path):
    before = threading.active_count()
    store = Store(f"unix://{tmp_path}/nobody.sock", retry_s=30)
    assert threading.active_count() == before + 1
    store.close()
    assert threading.active_count() == before


def test_an_embedded_store_that_cannot_start_leaves_the_service_running(tmp_path):
    (tmp_path / "file").touch()
    with open_store(None, tmp_path / "file") as store:
        assert "BINDSCOPE_DATA_DIR" in (store.status().last_error or "")


def test_the_address_of_a_server_wins_over_the_embedded_one(shared, tmp_path):
    with open_store(shared.url, tmp_path) as store:
        assert store.status().kind == "external"
    assert list(tmp_path.iterdir()) == []
