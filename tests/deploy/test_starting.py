"""What `make env` and `make setup` decide before anything is installed: both must run on a bare Python."""

import http.server
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def bare(script: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A script run without site packages."""
    kept = {name: value for name, value in os.environ.items() if name != "TORCH_INDEX_URL"}
    command = [sys.executable, "-I", "-S", str(script)]
    return subprocess.run(command, env={**kept, **environment}, capture_output=True, text=True, timeout=30)


@pytest.fixture
def checkout(tmp_path) -> Path:
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / ".env.example", tmp_path)
    shutil.copy(ROOT / "scripts" / "write_env.py", tmp_path / "scripts")
    return tmp_path


def values(path: Path) -> dict[str, str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_make_env_writes_every_secret_at_random_for_the_owner_alone(checkout) -> None:
    assert bare(checkout / "scripts" / "write_env.py").returncode == 0
    written, example = values(checkout / ".env"), values(ROOT / ".env.example")
    assert (checkout / ".env").stat().st_mode & 0o777 == 0o600
    secrets = {name for name in example if name.endswith(("PASSWORD", "KEY"))}
    assert secrets == {"REDIS_PASSWORD", "DASHBOARD_KEY", "API_KEY", "METRICS_KEY", "GRAFANA_PASSWORD"}
    assert len({written[name] for name in secrets}) == len(secrets)
    assert all(len(written[name]) == 48 for name in secrets)
    assert {n: v for n, v in written.items() if n not in secrets} == {
        n: v for n, v in example.items() if n not in secrets
    }


def test_make_env_leaves_a_file_that_is_there_alone(checkout) -> None:
    (checkout / ".env").write_text("API_KEY=in-use\n")
    done = bare(checkout / "scripts" / "write_env.py")
    assert done.returncode == 1
    assert "already" in done.stderr
    assert (checkout / ".env").read_text() == "API_KEY=in-use\n"


def test_what_make_env_writes_is_never_committed() -> None:
    assert subprocess.run(["git", "check-ignore", "--quiet", ".env"], cwd=ROOT).returncode == 0


def test_every_variable_that_compose_insists_on_is_written(checkout) -> None:
    bare(checkout / "scripts" / "write_env.py")
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    written = values(checkout / ".env")
    insisted = {part.split(":?")[0] for part in text.split("${")[1:] if ":?" in part.split("}")[0]}
    assert insisted
    assert all(written[name] for name in insisted)


TORCH_INDEX = ROOT / "scripts" / "torch_index.py"


def test_an_index_that_is_named_is_taken_and_an_empty_one_means_the_ordinary_wheels() -> None:
    named = bare(TORCH_INDEX, TORCH_INDEX_URL="https://mirror.example/cpu")
    assert named.stdout.split() == ["--extra-index-url=https://mirror.example/cpu"]
    assert bare(TORCH_INDEX, TORCH_INDEX_URL="").stdout == ""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no index to ask")
def test_an_index_that_never_answers_costs_seconds_and_says_nothing() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        began = time.monotonic()
        done = bare(TORCH_INDEX, https_proxy=f"http://127.0.0.1:{silent.getsockname()[1]}", PATH="")
        assert time.monotonic() - began < 10
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_machine_with_an_nvidia_card_takes_the_ordinary_wheels_without_asking(tmp_path) -> None:
    command = tmp_path / "nvidia-smi"
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        done = bare(TORCH_INDEX, https_proxy=f"http://127.0.0.1:{silent.getsockname()[1]}", PATH=str(tmp_path))
        silent.setblocking(False)
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert (done.returncode, done.stdout) == (0, "")


class _Index(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/cpu/torch/" else 403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_an_index_counts_only_where_it_answers(monkeypatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    from torch_index import answers

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Index) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        assert answers(f"{url}/cpu/torch/")
        assert not answers(f"{url}/denied/torch/")
        server.shutdown()
    assert not answers(f"{url}/cpu/torch/")
