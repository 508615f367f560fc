import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bindscope.core.arrays import opened_npz, read_npy


def test_many_threads_read_headers_at_once() -> None:
    """CPython 3.11 fails on numpy's own reading ("AST constructor recursion depth mismatch")."""
    plain, packed = io.BytesIO(), io.BytesIO()
    np.save(plain, np.arange(6).reshape(1, 2, 3))
    np.savez(packed, a=np.arange(6).reshape(1, 2, 3), b=np.ones(3))

    def read(_: int) -> bool:
        one = read_npy(io.BytesIO(plain.getvalue()))
        with opened_npz(io.BytesIO(packed.getvalue())) as arrays:
            return bool((one == arrays["a"]).all() and (arrays["b"] == 1).all())

    with ThreadPoolExecutor(32) as pool:
        assert all(pool.map(read, range(2000)))
