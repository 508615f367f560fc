"""Reading .npy and .npz files, one at a time.

numpy parses their headers with ``ast``, and CPython 3.11 fails on that ("AST constructor recursion depth mismatch")
when several threads do it at once.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

_lock = threading.Lock()


def read_npy(file: IO[bytes]) -> NDArray[Any]:
    """The array of a .npy file; never a pickle. Raises what ``numpy.load`` raises."""
    with _lock:
        array: NDArray[Any] = np.load(file, allow_pickle=False)
        return array


@contextmanager
def opened_npz(file: IO[bytes]) -> Iterator[Any]:
    """The arrays of a .npz file by name; never pickles. Raises what ``numpy.load`` raises."""
    with _lock, np.load(file, allow_pickle=False) as arrays:
        yield arrays
