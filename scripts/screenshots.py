"""Takes the pictures of the README: starts the real service and dashboard, opens them in Chromium, writes PNG files.

    python scripts/screenshots.py [--out docs/images] [--long-work DATA]
    python scripts/screenshots.py --walk docs/img

``--long-work`` takes the pages of long work as well, from a data folder in which ``bindscope phase --preset laptop``
was run (it is run there now where it was not). ``--walk`` takes every page as a new user meets it, wide and light,
narrow and dark, as small files.

Needs the ``all`` and ``dev`` extras and Chromium on the path.
"""

import argparse
import io
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from bindscope.client import BindscopeClient
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import BUILTIN_SPACES
from bindscope.scenes.contests import valid_swaps
from bindscope.scenes.render import render
from bindscope.scenes.scene import scene_in_slots

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
INTERVENTIONS = f"/interventions?model=bundled:tiny-bind&{SIDES}&object=1&replacement=green~triangle&edits=1&removal=1"
#: Every page as a new user meets it, and a text that is there once it has settled.
WALK = {
    "compose": ("/", "All scores and provenance"),
    "survey": ("/survey", "press Run"),
    "data": ("/data", "Drop a file above"),
    "photo": ("/photo", "Drop a photo"),
    "tests": ("/tests", "Choose an archive"),
    "probe": ("/probe", "Provenance and downloads"),
    "decompose": ("/decompose", "Probes on the rebuilt scenes"),
    "interventions": ("/interventions", "Nearest scenes"),
    "complexity": ("/complexity", "Press Start"),
    "map": ("/map", "Provenance and downloads"),
    "compare": ("/compare", "Provenance and downloads"),
    "retrieve": ("/retrieve", "Provenance and downloads"),
    "repair": ("/repair", "Press Repair"),
    "train": ("/train", "No training yet"),
    "phase": ("/phase", "Start"),
    "jobs": ("/jobs", "No job yet"),
    "system": ("/system", "System (JSON)"),
}
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_READY = {
    "compose": "All scores and provenance",
    "survey": "Provenance and downloads",
    "probe": "Provenance and downloads",
    "decompose": "Probes on the rebuilt scenes",
    "interventions": "Provenance and downloads of the removal",
    "phase": "Downloads",
    "train": "Runs of this installation",
    "complexity": "Provenance and downloads",
}
#: The last element of a page, where it is another than the one that comes last in time.
_LAST = {"decompose": "residual", "interventions": "Provenance and downloads of the edits"}
_WAIT = 180_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--walk", type=Path, default=None, metavar="FOLDER")
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
        if arguments.walk is not None:
            arguments.walk.mkdir(parents=True, exist_ok=True)
            walk(browser, url, BindscopeClient(api), arguments.walk)
            browser.close()
            return
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
        for name, path in (("probe", PROBE), ("decompose", DECOMPOSE), ("interventions", INTERVENTIONS)):
            take(browser, url + path, out / f"{name}.png", ready=_READY[name], last=_LAST.get(name))
        browser.close()


def walk(browser: "Browser", url: str, client: BindscopeClient, out: Path) -> None:
    """Every page as a new user meets it, then the pages of their own data with something in them."""
    for model in ("bundled:tiny-bag", "bundled:tiny-bind"):
        client.model_checks(model)  # loaded and checked, as they are once somebody has looked around
    for width, dark in ((1280, False), (700, True)):
        tone = "dark" if dark else "light"
        for name, (path, ready) in WALK.items():
            file = out / f"{name}-{width}-{tone}.png"
            take(browser, url + path, file, ready=ready, width=width, dark=dark, small=True)
    with tempfile.TemporaryDirectory() as folder:
        take_own_data(browser, url, Path(folder), out)


def take_own_data(browser: "Browser", url: str, folder: Path, out: Path) -> None:
    """An upload before and after it is kept, a photo, and a public test."""
    archive, photo, test = toys(folder)
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(_WAIT)
    page.goto(f"{url}/data")
    page.locator("input[type=file]").first.set_input_files(str(archive))
    page.get_by_role("button", name="Keep").wait_for()
    _shot(page, out / "data-preview.png")
    page.get_by_role("button", name="Keep").click()
    page.get_by_role("button", name="Embed", exact=True).click()
    page.get_by_text("of them were known").wait_for()
    _shot(page, out / "data-yours.png")
    page.goto(f"{url}/photo?caption=a red square and a blue circle")
    page.locator("input[type=file]").first.set_input_files(str(photo))
    page.get_by_text("Provenance").nth(1).wait_for()
    _shot(page, out / "photo.png")
    page.goto(f"{url}/tests?model=bundled:tiny-bag")
    page.locator("input[type=file]").first.set_input_files(str(test))
    page.wait_for_timeout(1500)
    page.get_by_role("button", name="Run").click()
    page.get_by_text("Items (CSV)").wait_for()
    _shot(page, out / "tests.png")
    page.close()


def toys(folder: Path) -> tuple[Path, Path, Path]:
    """A labelled archive, a photo, and a test in SugarCrepe's form, of drawn scenes."""
    space = BUILTIN_SPACES["clevr2d"]
    pairs = [(a, b) for a in space.objects()[:9] for b in space.objects()[9:18] if valid_swaps((a, b))]
    files, rows, items = {}, ["filename,object1_color,object1_shape,object2_color,object2_shape"], {}
    say = Captioner().caption
    for number, pair in enumerate(pairs):
        name = f"{number:04d}.png"
        file = io.BytesIO()
        Image.fromarray(render(scene_in_slots(space, pair), 96)).save(file, format="PNG")
        files[name] = file.getvalue()
        rows.append(",".join([name, *(value for o in pair for value in space.named(o).values())]))
        swapped = say(space, valid_swaps(pair)[0].objects)
        items[str(number)] = {"filename": name, "caption": say(space, pair), "negative_caption": swapped}
    tables = {"toys.zip": ("labels.csv", "\n".join(rows)), "crepe.zip": ("swap_att.json", json.dumps(items))}
    for path, extra in tables.items():
        with zipfile.ZipFile(folder / path, "w") as archive:
            archive.writestr(*extra)
            for name, data in files.items():
                archive.writestr(name, data)
    red = [{"color": "red", "shape": "square"}, {"color": "blue", "shape": "circle"}]
    scene = scene_in_slots(space, [space.index(o) for o in red])
    Image.fromarray(render(scene, 320)).save(folder / "photo.png")
    return folder / "toys.zip", folder / "photo.png", folder / "crepe.zip"


def _shot(page: "Page", path: Path) -> None:
    page.wait_for_timeout(1200)
    page.screenshot(path=str(path), full_page=True)
    _shrink(path)


def _shrink(path: Path) -> None:
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(96).save(path, optimize=True)
    print(f"{path} {path.stat().st_size / 1000:.0f} kB")


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
    small: bool = False,
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
    if small:
        _shrink(path)
        return
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
