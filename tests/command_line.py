"""``bindscope`` as it is typed: in this process, where torch is loaded once, or in one of its own."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import CompletedProcess
from unittest import mock

from bindscope.cli.app import run


def typed(*arguments: object, url: str, stdin: str = "") -> CompletedProcess[str]:
    """The command in this process; it asks the service at ``url``, as with ``BINDSCOPE_API_URL``."""
    words = [str(word) for word in arguments]
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    code: object = 0
    with _in_place(words, stdin, url), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            run()
        except SystemExit as left:
            code = left.code
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]  # type: ignore[attr-defined]
    return CompletedProcess(words, int(code or 0), *texts)  # type: ignore[call-overload,no-any-return]


@contextlib.contextmanager
def _in_place(words: list[str], stdin: str, url: str) -> Iterator[None]:
    with (
        mock.patch.object(sys, "argv", ["bindscope", *words]),
        mock.patch.object(sys, "stdin", io.StringIO(stdin)),
        mock.patch.dict(os.environ, {"BINDSCOPE_API_URL": url}),
    ):
        yield


def started(*arguments: object, data_dir: Path, stdin: str | None = None, **variables: str) -> CompletedProcess[str]:
    """The command in a process of its own; without a ``--url`` it starts its own service."""
    return subprocess.run(
        [sys.executable, "-m", "bindscope", *map(str, arguments)],
        env={**os.environ, "BINDSCOPE_DATA_DIR": str(data_dir), "BINDSCOPE_PRELOAD": "", **variables},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
