"""An encoder that tests of batches can hold, slow down and starve."""

import threading
import time

import numpy as np

from bindscope.encoders.protocol import EncoderInfo, Fingerprint


class Lengths:
    """A closed-form text encoder whose vector is the text's length; it records its batches."""

    def __init__(self, delay: float = 0.0, *, padding: str = "full", room: int = 10**6) -> None:
        self.delay, self.padding, self.room = delay, padding, room
        self.batches: list[int] = []
        self.hold = threading.Event()
        self.hold.set()

    @property
    def info(self) -> EncoderInfo:
        mark = Fingerprint("test", "w", "a", "p", "t", "p", "float32", "1")
        return EncoderInfo("test:lengths", "test", ("text",), 1, mark, "none", "float32", "cpu", None, 16, self.padding)

    def encode_texts(self, texts):
        self.hold.wait(10)
        time.sleep(self.delay)
        if any("poison" in text for text in texts):
            raise ValueError("poison")
        if len(texts) > self.room:
            raise MemoryError
        self.batches.append(len(texts))
        return np.array([[len(t)] for t in texts], dtype=np.float32)

    def encode_images(self, images):
        raise AssertionError("not asked")
