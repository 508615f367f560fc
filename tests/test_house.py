"""How the house is built, as far as a test can see it."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
#: Modules that somebody has to read who follows one verdict through the backend. Only ever lowered, but for a module
#: that was two ideas: the queue of an encoder and the passes of a batch were one file when this was 41.
MOST_MODULES = 42


def test_the_way_of_one_verdict_stays_short() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "cold_verdict.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    *modules, count = done.stdout.splitlines()
    assert count == f"{len(modules)} modules"
    assert "bindscope.features.verdicts.service" in modules
    assert len(modules) <= MOST_MODULES, modules
