import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bindscope.core.cancellation import Token, carrying
from bindscope.core.errors import Cancelled, EncodeFailed, Overloaded, Unloaded, UnsupportedModality
from bindscope.encoders.batching import BatchingQueue, BatchLimits
from bindscope.encoders.passes import PassLimits
from lengths import Lengths


@pytest.fixture
def make_queue():
    queues = []

    def make(encoder, *, items=256, **limits):
        queue = BatchingQueue(encoder, BatchLimits(one_pass=PassLimits(items=items), **limits))
        queues.append(queue)
        return queue

    yield make
    for queue in queues:
        queue.encoder.hold.set()
        queue.close()


def test_every_caller_gets_its_own_vectors_in_order(make_queue) -> None:
    queue = make_queue(Lengths(), items=7)
    words = [["x" * (i + j) for j in range(i % 9 + 1)] for i in range(60)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda w: queue.encode("text", w), words))
    for asked, got in zip(words, answers, strict=True):
        assert got[:, 0].tolist() == [len(w) for w in asked]


def test_requests_that_wait_together_share_a_batch(make_queue) -> None:
    encoder = Lengths()
    queue = make_queue(encoder, window_ms=30)
    with ThreadPoolExecutor(32) as pool:
        list(pool.map(lambda i: queue.encode("text", ["x" * i]), range(32)))
    assert max(encoder.batches) > 8


def test_a_large_request_goes_through_in_slices_and_lets_small_ones_pass(make_queue) -> None:
    encoder = Lengths(delay=0.005)
    queue = make_queue(encoder, items=4)
    with ThreadPoolExecutor(2) as pool:
        large = pool.submit(queue.encode, "text", ["x"] * 200)
        time.sleep(0.02)
        queue.encode("text", ["y"])
        assert not large.done()
        assert len(large.result()) == 200
    assert max(encoder.batches) <= 4


def test_a_failing_item_does_not_cost_the_others_of_its_batch(make_queue) -> None:
    encoder = Lengths()
    queue = make_queue(encoder, window_ms=50)
    with ThreadPoolExecutor(20) as pool:
        futures = [pool.submit(queue.encode, "text", ["poison" if i == 7 else "fine"]) for i in range(20)]
        outcomes = [f.exception() for f in futures]
    assert isinstance(outcomes[7], EncodeFailed)
    assert [e for i, e in enumerate(outcomes) if i != 7] == [None] * 19
    assert queue.encode("text", ["after"])[0, 0] == 5


def test_a_full_queue_says_so_and_recovers(make_queue) -> None:
    encoder = Lengths()
    queue = make_queue(encoder, capacity=10, items=1)
    encoder.hold.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(queue.encode, "text", ["x"] * 10)
        while queue.depth < 9:
            time.sleep(0.001)
        with pytest.raises(Overloaded, match="try again"):
            queue.encode("text", ["y"] * 5)
        encoder.hold.set()
        assert len(first.result()) == 10
    assert len(queue.encode("text", ["y"] * 5)) == 5


def test_an_empty_request_is_an_empty_array(make_queue) -> None:
    assert make_queue(Lengths()).encode("text", []).shape == (0, 1)


def test_a_missing_modality_is_refused_before_the_queue(make_queue) -> None:
    with pytest.raises(UnsupportedModality, match="reads text only"):
        make_queue(Lengths()).encode("image", [np.zeros((8, 8, 3), np.uint8)])


def test_a_batch_asked_for_alone_is_not_joined_by_others(make_queue) -> None:
    encoder = Lengths()
    queue = make_queue(encoder, window_ms=20)
    with ThreadPoolExecutor(8) as pool:
        others = [pool.submit(queue.encode, "text", ["x"]) for _ in range(6)]
        queue.encode("text", ["a"] * 32, alone=True)
        [f.result() for f in others]
    assert 32 in encoder.batches


def test_a_caller_that_gives_up_is_forgotten(make_queue) -> None:
    encoder = Lengths()
    queue = make_queue(encoder)
    encoder.hold.clear()
    with pytest.raises(TimeoutError):
        queue.encode("text", ["late"], timeout=0.05)
    encoder.hold.set()
    assert queue.encode("text", ["next"])[0, 0] == 4
    assert queue.depth == 0


def test_closing_fails_what_still_waits() -> None:
    encoder = Lengths()
    queue = BatchingQueue(encoder, BatchLimits(one_pass=PassLimits(items=1)))
    encoder.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.encode, "text", ["x"] * 50)
        time.sleep(0.02)
        closer = threading.Thread(target=queue.close)
        closer.start()
        encoder.hold.set()
        closer.join(5)
        assert isinstance(waiting.exception(5), Overloaded)
    assert not queue.alive


def test_a_caller_who_leaves_is_let_go_and_what_they_asked_is_not_encoded(make_queue) -> None:
    encoder, token = Lengths(), Token()
    queue = make_queue(encoder)
    encoder.hold.clear()
    with ThreadPoolExecutor(2) as pool:
        busy = pool.submit(queue.encode, "text", ["x"])
        while queue.depth:
            time.sleep(0.001)

        def leaving():
            with carrying(token):
                return queue.encode("text", ["a", "b", "c"])

        left = pool.submit(leaving)
        while queue.depth < 3:
            time.sleep(0.001)
        token.cancel("left")
        assert isinstance(left.exception(5), Cancelled)
        encoder.hold.set()
        assert busy.result(5).shape == (1, 1)
    assert queue.encode("text", ["x"]).shape == (1, 1)
    assert queue.encoded_items == 2


def test_a_caller_whose_time_is_up_gets_a_timeout(make_queue) -> None:
    token = Token()
    token.cancel("late")
    with carrying(token), pytest.raises(TimeoutError):
        make_queue(Lengths()).encode("text", ["x"])


def test_where_memory_runs_out_the_batch_is_halved_and_later_ones_are_smaller(make_queue) -> None:
    encoder = Lengths(room=10)
    queue = make_queue(encoder, items=64)
    words = ["x" * i for i in range(64)]
    assert queue.encode("text", words)[:, 0].tolist() == list(range(64))
    assert max(encoder.batches) == 8
    del encoder.batches[:]
    queue.encode("text", words)
    assert encoder.batches == [8] * 8


def test_a_queue_that_retires_finishes_what_waits_and_then_ends(make_queue) -> None:
    encoder = Lengths()
    queue = make_queue(encoder, items=1)
    encoder.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.encode, "text", ["x", "xx", "xxx"])
        while not queue.depth:
            time.sleep(0.001)
        queue.retire()
        with pytest.raises(Unloaded):
            queue.encode("text", ["late"])
        encoder.hold.set()
        assert waiting.result(5)[:, 0].tolist() == [1, 2, 3]
    queue._thread.join(5)
    assert not queue.alive


def test_a_probe_passes_before_all_that_waits_even_where_the_queue_is_full(make_queue) -> None:
    encoder = Lengths()
    queue = make_queue(encoder, capacity=40, items=1)
    encoder.hold.clear()
    with ThreadPoolExecutor(2) as pool:
        waiting = pool.submit(queue.encode, "text", ["x"] * 40)
        while queue.depth != 39:
            time.sleep(0.001)
        probe = pool.submit(queue.probe, 10)
        while queue.depth != 40:
            time.sleep(0.001)
        encoder.delay = 0.02
        encoder.hold.set()
        probe.result(10)
        assert not waiting.done()
        waiting.result(10)


def test_a_full_queue_says_when_to_come_again(make_queue) -> None:
    encoder = Lengths(delay=0.05)
    queue = make_queue(encoder, capacity=40, items=1)
    queue.encode("text", ["x"])
    encoder.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(queue.encode, "text", ["x"] * 40)
        while queue.depth < 39:
            time.sleep(0.001)
        with pytest.raises(Overloaded) as refused:
            queue.encode("text", ["x"] * 5)
        encoder.delay = 0
        encoder.hold.set()
        waiting.result(10)
    assert 1 < refused.value.retry_after < 4
