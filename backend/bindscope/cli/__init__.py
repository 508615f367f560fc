"""The command line. Commands of a feature are in ``features/NOUN/cli.py``; here is what belongs to none of them.

Imports stay light: ``bindscope --help`` loads neither numpy nor pydantic, torch or a web server. What a command needs
beyond its options is imported when it runs.
"""

import os
from importlib import import_module

# Linear algebra reads these when numpy is first loaded. One core is left to the web server and the store: threads that
# spin on shared cores made the analyses fourteen times slower.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, os.environ.get("BINDSCOPE_THREADS") or str(max(1, (os.cpu_count() or 2) - 1)))


def main() -> None:
    """Entry point of the ``bindscope`` command."""
    # By name: the commands of the features import this package.
    import_module("bindscope.cli.app").run()
