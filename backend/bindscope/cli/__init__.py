"""The command line. Imports stay light: ``bindscope --help`` loads neither torch nor a web server."""

import os

# Linear algebra reads these when numpy is first loaded. One core is left to the web server and the store: threads that
# spin on shared cores made the analyses fourteen times slower.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, os.environ.get("BINDSCOPE_THREADS") or str(max(1, (os.cpu_count() or 2) - 1)))

from bindscope.cli.main import main  # noqa: E402

__all__ = ["main"]
