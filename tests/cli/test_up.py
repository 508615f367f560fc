import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

import pytest


def get(url) -> int:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status


@pytest.fixture
def running(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "bindscope", "up", "--port", "0", "--dashboard-port", "0"],
        env={**os.environ, "BINDSCOPE_DATA_DIR": str(tmp_path), "BINDSCOPE_PRELOAD": "", "PYTHONUNBUFFERED": "1"},
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
    yield process, "".join(lines), tmp_path
    if process.poll() is None:
        process.kill()
    process.wait()
    reader.join(5)
    process.stdout.close()


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
def test_up_prints_the_addresses_and_one_signal_stops_all_of_it(running, stop) -> None:
    process, text, folder = running
    dashboard, service = re.findall(r"http://127\.0\.0\.1:\d+", text)[:2]
    assert get(f"{service}/livez") == 200
    assert get(f"{dashboard}/_stcore/health") == 200
    process.send_signal(stop)
    process.send_signal(stop)  # an impatient second one changes nothing
    assert process.wait(30) == 0
    if Path("/proc").exists():
        assert not children_of(folder)
