"""Runs the steps of a target of the Dockerfile without a container engine, and then its command.

    python scripts/try_image.py service --build-arg VARIANT=cuda
    python scripts/try_image.py dashboard

COPY and RUN are done below a temporary folder that stands for the root; the virtual environment there is a clean one.
Users and owners are left alone. Then the command of the target is started on a free port, and the address that its
health check asks must answer.
"""

import argparse
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).parent.parent
HEALTH = {"service": "/readyz", "dashboard": "/_stcore/health"}
_PLACES = ("/opt/bindscope", "/src", "/data")
KEY = "k" * 24


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=sorted(HEALTH))
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    asked = parser.parse_args()
    given = dict(text.split("=", 1) for text in asked.build_arg)
    with tempfile.TemporaryDirectory() as folder:
        image = Image(Path(folder), given)
        began = time.monotonic()
        image.build(asked.target)
        print(f"built in {time.monotonic() - began:.0f} s", flush=True)
        began = time.monotonic()
        image.run(asked.target)
        print(f"answered after {time.monotonic() - began:.0f} s")


class Image:
    """A folder that stands for the root of the image."""

    def __init__(self, root: Path, given: dict[str, str]) -> None:
        self.root, self.given = root, given
        self.stages = _stages((ROOT / "Dockerfile").read_text(encoding="utf-8"))
        self.env = {"PATH": os.environ["PATH"]}
        self.command: list[str] = []
        self.workdir = root
        for place in _PLACES:
            self.place(place).parent.mkdir(parents=True, exist_ok=True)

    def place(self, path: str) -> Path:
        return self.root / path.lstrip("/")

    def inside(self, text: str) -> str:
        for place in _PLACES:
            text = re.sub(rf"(?<![\w/]){re.escape(place)}\b", str(self.place(place)), text)
        return text

    def build(self, target: str) -> None:
        base, steps = self.stages[target]
        if base in self.stages:
            self.build(base)
        for word, rest in steps:
            if word == "COPY" and "--from=" in rest:
                self.build(rest.split("--from=")[1].split()[0])
            elif word == "COPY":
                *sources, to = rest.split()
                for source in sources:
                    at = self.workdir / to
                    if (ROOT / source).is_dir():
                        shutil.copytree(ROOT / source, at, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.pyc"))
                    else:
                        shutil.copy(ROOT / source, at)
            elif word == "ARG":
                name, _, value = rest.partition("=")
                self.env[name] = self.given.get(name, value)
            elif word == "ENV":
                self.env |= {n: self.inside(os.path.expandvars(v)) for n, v in re.findall(r"(\w+)=(\S+)", rest)}
            elif word == "WORKDIR":
                self.workdir = self.place(rest)
                self.workdir.mkdir(parents=True, exist_ok=True)
            elif word == "RUN" and "useradd" not in rest:
                subprocess.run(["sh", "-ec", self.inside(rest)], cwd=self.workdir, env=self.env, check=True)
            elif word == "CMD":
                self.command = json.loads(rest)

    def run(self, target: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [{"0.0.0.0": "127.0.0.1", "8000": str(port), "8501": str(port)}.get(w, w) for w in self.command]
        self.place("/data").mkdir(exist_ok=True)
        env = {**self.env, "PATH": f"{self.place('/opt/bindscope/bin')}:{self.env['PATH']}", "HOME": str(self.root)}
        env |= {"BINDSCOPE_API_KEYS": f"me:{KEY}", "BINDSCOPE_API_KEY": KEY}
        command[0] = str(self.place("/opt/bindscope/bin") / command[0])
        process = subprocess.Popen(command, cwd=self.place("/data"), env=env)
        try:
            self._wait(process, f"http://127.0.0.1:{port}{HEALTH[target]}")
        finally:
            process.terminate()
            process.wait(60)

    def _wait(self, process: "subprocess.Popen[bytes]", url: str) -> None:
        question = urllib.request.Request(url, headers={"Authorization": f"Bearer {KEY}"})
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            try:
                with urllib.request.urlopen(question, timeout=10) as answer:
                    print(answer.status, url, answer.read(200).decode())
                    return
            except OSError:
                time.sleep(0.3)
        sys.exit(f"nothing healthy at {url}")


def _stages(text: str) -> dict[str, tuple[str, list[tuple[str, str]]]]:
    """Base and steps of each stage."""
    found: dict[str, tuple[str, list[tuple[str, str]]]] = {}
    name = ""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        word, _, rest = line.strip().partition(" ")
        if word == "FROM":
            base, _, name = rest.partition(" AS ")
            found[name] = (base, [])
        elif word.isupper() and name:
            found[name][1].append((word, rest.strip()))
    return found


if __name__ == "__main__":
    main()
