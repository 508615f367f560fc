"""Prints the option that makes pip take the PyTorch wheels that fit this machine, or nothing.

    pip install $(python scripts/torch_index.py) ...

PyTorch's ordinary wheels for Linux carry CUDA: gigabytes that are of no use without an NVIDIA card. There its CPU index
is taken if it answers within seconds; pip itself would try an index that cannot be reached for minutes.
TORCH_INDEX_URL names another index; set but empty, it asks for the ordinary wheels.
"""

import os
import shutil
import sys
import threading
import urllib.request
from pathlib import Path

CPU_INDEX = "https://download.pytorch.org/whl/cpu"
_TIMEOUT_S = 4.0


def main() -> None:
    url = os.environ.get("TORCH_INDEX_URL")
    if url is None and _wants_cpu_wheels() and answers(f"{CPU_INDEX}/torch/"):
        url = CPU_INDEX
    if url:
        print(f"PyTorch's wheels are taken from {url}", file=sys.stderr)
        print(f"--extra-index-url={url}")


def _wants_cpu_wheels() -> bool:
    has_card = shutil.which("nvidia-smi") is not None or Path("/proc/driver/nvidia").exists()
    return sys.platform == "linux" and not has_card


def answers(url: str) -> bool:
    """Asks in a thread: looking up the host's name has no timeout of its own."""
    answered = threading.Event()
    thread = threading.Thread(target=_ask, args=(url, answered), daemon=True)
    thread.start()
    thread.join(_TIMEOUT_S)
    return answered.is_set()


def _ask(url: str, answered: threading.Event) -> None:
    try:
        urllib.request.urlopen(url, timeout=_TIMEOUT_S).close()
    except (OSError, ValueError):
        return
    answered.set()


if __name__ == "__main__":
    main()
