"""Runs the benchmarks, one after the other, and writes a table.

    python -m benchmarks [MODULE ...] [--out FILE]      all of them and docs/benchmarks.md by default

Each benchmark is a module that prints JSON lines: name, value, unit and, where there is one, the aim.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
TARGET = ROOT / "docs" / "benchmarks.md"
MODULES = (
    "bench_render",
    "bench_store",
    "bench_http",
    "bench_load",
    "bench_probes",
    "bench_geometry",
    "bench_complexity",
    "bench_training",
    "bench_jobs",
    "bench_retrieval",
)


def main() -> None:
    """Measures, prints and writes the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", default=MODULES, metavar="MODULE", help=", ".join(MODULES))
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    rows: list[dict[str, object]] = []
    for name in arguments.modules:
        print(f"{name} ...", file=sys.stderr, flush=True)
        done = subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        rows += [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    command = (
        "make bench" if tuple(arguments.modules) == MODULES else f"python -m benchmarks {' '.join(arguments.modules)}"
    )
    text = _table(rows, command)
    arguments.out.write_text(text, encoding="utf-8")
    print(text)


def _table(rows: list[dict[str, object]], command: str) -> str:
    cores = os.cpu_count()
    head = (
        f"# Benchmarks\n\nWritten by `{command}` in one run: trust the ratios, not the absolute times. "
        f"{time.strftime('%Y-%m-%d')}, {platform.machine()}, {cores} cores, Python {platform.python_version()}, "
        "one thread per forward pass.\n\n| measured | value | aim |\n|---|---:|---:|\n"
    )
    return head + "".join(
        f"| {row['name']} | {_number(row['value'])} {row['unit']} | {row.get('aim', '')} |\n" for row in rows
    )


def _number(value: object) -> str:
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
    return str(value)


if __name__ == "__main__":
    main()
