"""Takes the pictures of the README: starts the real service and dashboard, opens them in Chromium, writes PNG files.

    python scripts/screenshots.py [--out docs/images] [--long-work DATA]

``--long-work`` takes the pages of long work as well, from a data folder in which ``bindscope phase --preset laptop``
was run (it is run there now where it was not).

Needs the ``all`` and ``dev`` extras and Chromium on the path.
"""

import argparse
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from bindscope.client import BindscopeClient

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

#: Measured: the bag prefers the swapped caption here, the binder the true one.
SCENE = "shapes2d~~blue~square~0.3~0.62~0.3~~yellow~circle~0.7~0.36~0.34"
COMPOSE = f"/?scene={SCENE}&model=bundled:tiny-bag&second=bundled:tiny-bind"
WARM = "/?model=bundled:tiny-bag&second=bundled:tiny-bind"
SURVEY = "/survey?model=bundled:tiny-bag&space=shapes2d&count=400&seed=0&run=1"
PROBE = "/probe?model=bundled:tiny-bag&space=clevr2d"
#: A scene of two objects that stand side by side.
SIDES = "scene=clevr2d~~red~square~~blue~circle"
DECOMPOSE = f"/decompose?model=bundled:tiny-bind&{SIDES}"
SURGERY = f"/surgery?model=bundled:tiny-bind&{SIDES}&object=1&replacement=green~triangle&edits=1&removal=1"
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_READY = {
    "compose": "All scores and provenance",
    "survey": "Provenance and downloads",
    "probe": "Provenance and downloads",
    "decompose": "Probes on the rebuilt scenes",
    "surgery": "Provenance and downloads of the removal",
    "phase": "Downloads",
    "train": "Runs of this installation",
    "complexity": "Provenance and downloads",
}
#: The last element of a page, where it is another than the one that comes last in time.
_LAST = {"decompose": "residual", "surgery": "Provenance and downloads of the edits"}
_WAIT = 180_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--long-work", type=Path, default=None, metavar="DATA")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("No Chromium found: install the system package 'chromium'.")
    from playwright.sync_api import sync_playwright

    with running_app(arguments.long_work) as (url, api), sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=_FLAGS)
        if arguments.long_work is not None:
            take_long_work(browser, url, BindscopeClient(api), out)
            browser.close()
            return
        # Another scene before, so that no picture shows the time of loading a model.
        take(browser, url + WARM, out / "compose.png", ready=_READY["compose"])
        take(browser, url + COMPOSE, out / "compose.png", ready=_READY["compose"])
        take(browser, url + COMPOSE, out / "compose-dark.png", ready=_READY["compose"], dark=True)
        take(browser, url + COMPOSE, out / "compose-narrow.png", ready=_READY["compose"], width=700)
        take(browser, url + SURVEY, out / "survey.png", ready=_READY["survey"])
        for name, path in (("probe", PROBE), ("decompose", DECOMPOSE), ("surgery", SURGERY)):
            take(browser, url + path, out / f"{name}.png", ready=_READY[name], last=_LAST.get(name))
        browser.close()


def take_long_work(browser: "Browser", url: str, client: BindscopeClient, out: Path) -> None:
    """The pages of long work, each on a job that is done."""
    preset = next(found for found in client.phase_presets().presets if found.name == "laptop")
    phase = client.wait(client.phase_diagram(preset.spaces, preset.coverages, seeds=preset.seeds, config=preset.config))
    training = client.wait(client.train({**preset.config, "space": "grid-2x16", "coverage": 0.9, "seed": 0}))
    source = {"model": training.result["model"], "space": "grid-2x16", "modality": "image", "limit": 4000}
    sweep = client.wait(client.complexity(source, kinds=["additive", "global_product", "mlp:256"], seeds=[0, 1]))
    for name, job in (("phase", phase), ("train", training), ("complexity", sweep)):
        take(browser, f"{url}/{name}?job={job.id}", out / f"{name}.png", ready=_READY[name])
    take(browser, f"{url}/jobs", out / "jobs.png", ready="Details")


def take(
    browser: "Browser",
    url: str,
    path: Path,
    *,
    ready: str,
    last: str | None = None,
    width: int = 1280,
    dark: bool = False,
) -> None:
    """One picture of the whole page, down to the text ``last``, once the text ``ready`` is there."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    page.set_default_timeout(_WAIT)
    page.goto(url)
    page.get_by_text(ready).last.wait_for()
    page.wait_for_timeout(2500)
    page.set_viewport_size({"width": width, "height": _height(page, last or ready)})
    page.wait_for_timeout(1500)
    page.screenshot(path=str(path))
    page.close()
    with Image.open(path) as picture:
        picture.convert("RGB").save(path, optimize=True)
    print(f"{path} {path.stat().st_size / 1000:.0f} kB")


def _height(page: "Page", last: str) -> int:
    """Enough for the last element of the page and some space below it."""
    box = page.get_by_text(last).last.bounding_box()
    return 900 if box is None else int(box["y"] + box["height"]) + 60


@contextmanager
def running_app(folder: Path | None) -> Iterator[tuple[str, str]]:
    """Service and dashboard on free ports, on a data folder of their own unless one is given; yields the addresses of
    dashboard and service."""
    service, dashboard = _free_port(), _free_port()
    with ExitStack() as stack:
        data = str(folder) if folder is not None else stack.enter_context(tempfile.TemporaryDirectory())
        api = f"http://127.0.0.1:{service}"
        command = [sys.executable, "-m", "bindscope", "serve", "--port", str(service)]
        stack.enter_context(_process(command, {"BINDSCOPE_DATA_DIR": data}, f"{api}/readyz"))
        command = [sys.executable, "-m", "bindscope_dashboard", "--port", str(dashboard)]
        url = f"http://127.0.0.1:{dashboard}"
        stack.enter_context(_process(command, {"BINDSCOPE_API_URL": api}, f"{url}/_stcore/health"))
        yield url, api


@contextmanager
def _process(command: list[str], environment: dict[str, str], health: str) -> Iterator[None]:
    process = subprocess.Popen(command, env=os.environ | environment, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 180
        while not _answers(health):
            if process.poll() is not None or time.monotonic() > until:
                sys.exit(f"{' '.join(command)} did not start")
            time.sleep(0.3)
        yield
    finally:
        process.terminate()
        process.wait(20)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    main()
