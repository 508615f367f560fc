"""Changes the arithmetic at one place at a time and looks whether a test notices: ``make mutants``.

It works on a copy in ``build/mutants``, which keeps what was tried: the next run goes on from there. Run by the Python
of ``.venv-mutants``, which has mutmut and, behind it, all that the project's own environment has.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
from collections import Counter
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / "build" / "mutants"
#: How the exit codes of the tests are read; what is in neither was not decided (a timeout, a broken run).
KILLED: set[int | None] = {1, 3}
SURVIVED: set[int | None] = {0}
UNTESTED: set[int | None] = {5, 33}


def main() -> None:
    """Tries the mutants that were asked for and prints the score of all that were ever tried here."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("patterns", nargs="*", default=["*"], help="names such as 'bindscope.store.keys.*'")
    parser.add_argument("--sample", type=int, help="try only so many of those that are left, drawn at random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    copy_tree()
    os.chdir(WORK)
    generate(asked.workers)
    left = [name for name, code in tried().items() if code is None and any(fnmatch(name, p) for p in asked.patterns)]
    if asked.sample is not None and asked.sample < len(left):
        left = random.Random(asked.seed).sample(left, asked.sample)
    if left:
        command = [sys.executable, "-m", "mutmut", "run", "--max-children", str(asked.workers), *left]
        subprocess.run(command, check=False)
    report()


def copy_tree() -> None:
    """The sources as mutmut wants them: below ``src``, with the tests beside them."""
    for source, target in (("backend", "src"), ("tests", "tests")):
        ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.rmtree(WORK / target, ignore_errors=True)
        shutil.copytree(ROOT / source, WORK / target, ignore=ignored)
    shutil.copy2(ROOT / "pyproject.toml", WORK)
    # The independent versions of the arithmetic, where they lie beside the repository.
    if (ROOT.parent / "shared").is_dir() and not (WORK / "shared").exists():
        (WORK / "shared").symlink_to(ROOT.parent / "shared")


def generate(workers: int) -> None:
    """Writes the mutants, so that a sample can be drawn of them."""
    code = (
        "import mutmut.__main__ as m; m.set_mutant_under_test('mutant_generation'); "
        f"m.copy_src_dir(); m.copy_also_copy_files(); m.create_mutants({workers})"
    )
    (WORK / "mutants").mkdir(exist_ok=True)
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


def tried() -> dict[str, int | None]:
    """Every mutant and the exit code of its tests."""
    found: dict[str, int | None] = {}
    for path in sorted((WORK / "mutants" / "src").rglob("*.meta")):
        found |= json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"]
    return found


def report() -> None:
    """Score by module, and the mutants that no test noticed."""
    modules: dict[str, Counter[str]] = {}
    for name, code in tried().items():
        module = modules.setdefault(name.rpartition(".")[0], Counter())
        kinds: dict[str, set[int | None]] = {
            "killed": KILLED,
            "survived": SURVIVED,
            "untested": UNTESTED,
            "left": {None},
        }
        kind = next((kind for kind, codes in kinds.items() if code in codes), "undecided")
        module[kind] += 1
        if kind in ("survived", "untested"):
            print(f"{kind:9} {name}")
    total: Counter[str] = sum(modules.values(), Counter())
    for name, counts in [*modules.items(), ("all", total)]:
        decided = counts["killed"] + counts["survived"] + counts["untested"]
        if decided:
            print(f"{name:45} {counts['killed']}/{decided} killed ({counts['killed'] / decided:.0%}), {dict(counts)}")
    print("One of them as a diff: cd build/mutants && ../../.venv-mutants/bin/mutmut show NAME")


if __name__ == "__main__":
    main()
