"""The examples run as they are, and what they show is what they print."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_from_its_first_cell_to_its_last(path, tmp_path) -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the kernel's own sockets
        NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    errors = [o for cell in notebook.cells for o in cell.get("outputs", []) if o.output_type == "error"]
    assert errors == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_kept_with_its_outputs_and_no_place_of_a_machine(path) -> None:
    import nbformat

    notebook = nbformat.read(path, as_version=4)
    assert all(cell.execution_count for cell in notebook.cells if cell.cell_type == "code")
    assert any(cell.get("outputs") for cell in notebook.cells)
    assert str(Path.home()) not in path.read_text(encoding="utf-8")
    assert path.stat().st_size < 200_000


def test_there_are_three_notebooks() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["first_look", "gate_in_ci", "own_embeddings"]


def test_the_workflow_is_one_that_github_accepts_and_its_commands_exist() -> None:
    file = FOLDER / "github-actions" / "bindscope-gate.yml"
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(file)]
    done = subprocess.run(check, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    for line in file.read_text(encoding="utf-8").splitlines():
        if "bindscope " in line and "run:" in line:
            words = line.split("bindscope ", 1)[1].split()
            command = words[:2] if words[0] == "models" else words[:1]
            shown = subprocess.run(
                [sys.executable, "-m", "bindscope", *command, "--help"], capture_output=True, text=True, check=False
            )
            assert shown.returncode == 0, line
            for option in (word for word in words if word.startswith("--")):
                assert option in shown.stdout, line
