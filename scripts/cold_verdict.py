"""Which modules of the backend the thread enters that answers the first verdict of a fresh service.

    python scripts/cold_verdict.py

It loads the model, draws, embeds, compares and keeps; the client, the server's own thread and background work do not
count, and neither does what an import runs.
"""

import sys
import tempfile
import threading
from types import FrameType

WORKER = "AnyIO worker thread"
SCENE = {
    "space": "shapes2d",
    "objects": [{"values": {"color": "red", "shape": "square"}}, {"values": {"color": "blue", "shape": "circle"}}],
}


class Watch:
    """A profiler of every thread that starts after it."""

    def __init__(self) -> None:
        self.entered: set[str] = set()
        self.on = False

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if not self.on or event != "call" or threading.current_thread().name != WORKER:
            return
        name = str(frame.f_globals.get("__name__"))
        if name.startswith("bindscope.") and not _importing(frame):
            self.entered.add(name)


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_name == "<module>":
            return True
        frame = frame.f_back
    return False


def modules(model: str) -> list[str]:
    """By name."""
    watch = Watch()
    threading.setprofile(watch)
    import bindscope

    with tempfile.TemporaryDirectory() as folder, bindscope.local(data_dir=folder) as client:
        watch.on = True
        client.verdict(model, SCENE)
        watch.on = False
    return sorted(watch.entered)


if __name__ == "__main__":
    found = modules(sys.argv[1] if len(sys.argv) > 1 else "bundled:tiny-bind")
    print(*found, f"{len(found)} modules", sep="\n")
