"""The commands as such: light to list, each in the manual, the manual's each here. None of them is run."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from bindscope.cli.app import commands

ROOT = Path(__file__).parents[2]
PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", *sorted((ROOT / "examples").rglob("*.yml"))]
#: Before the shell's own part of a line.
SHELL = re.compile(r"\s(?:>|\||&&|;)\s.*$")


@pytest.fixture(scope="module")
def app():
    return typer.main.get_command(commands())


def loaded_by(code: str, names: set[str]) -> set[str]:
    """Which of these modules a fresh interpreter has after the code."""
    told = f"{code}\nimport sys; print(','.join(sorted({names!r} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, timeout=60, check=True)
    return set(filter(None, done.stdout.split("\n")[-2].split(",")))


HEAVY = {"torch", "open_clip", "transformers", "fastapi", "streamlit", "redis", "sklearn", "scipy", "pandas", "dask"}


def test_help_loads_no_more_than_typer() -> None:
    code = (
        "from typer.testing import CliRunner; from bindscope.cli.app import commands; "
        "assert CliRunner().invoke(commands(), ['--help']).exit_code == 0"
    )
    assert loaded_by(code, HEAVY | {"numpy", "pydantic", "httpx2", "yaml", "PIL", "bindscope.client"}) == set()


def test_a_question_to_a_running_service_needs_the_light_packages_only() -> None:
    code = (
        "import sys; from bindscope.cli import main; sys.argv = ['bindscope', 'models', '--url', 'http://127.0.0.1:9']\n"
        "try: main()\nexcept SystemExit as left: assert left.code == 1"
    )
    assert loaded_by(code, HEAVY | {"pydantic_settings", "pyarrow", "bindscope.services"}) == set()


def test_a_verdict_of_a_bundled_model_without_a_service_loads_little_beside_torch(tmp_path) -> None:
    code = (
        f"import os, sys; os.environ['BINDSCOPE_DATA_DIR'] = {str(tmp_path)!r}\n"
        "from bindscope.cli import main; sys.argv = ['bindscope', 'verdict', 'red square', 'blue circle', '--json']\n"
        "try: main()\nexcept SystemExit as left: assert not left.code"
    )
    slow = {"torch._dynamo", "torchvision", "timm", "umap", "numba", "scipy.stats", "distributed", "pyarrow"}
    assert loaded_by(code, (HEAVY | slow) - {"torch", "fastapi", "redis", "scipy"}) == set()


def found(app, words: list[str]):
    """The command that the words name, and the words that are left."""
    command = app
    while hasattr(command, "commands") and words and words[0] in command.commands:
        command, words = command.commands[words[0]], words[1:]
    return command, words


def code_blocks(text: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", " ", text)
    return re.findall(r"^\s*(?:- run: |run: )?bindscope ([a-z-].*)$", joined, re.MULTILINE)


def words_of(line: str) -> list[str]:
    return shlex.split(SHELL.sub("", line), comments=True)


def test_every_line_of_the_manual_can_be_typed(app) -> None:
    seen = 0
    for path in PAGES:
        for line in code_blocks(path.read_text(encoding="utf-8")):
            command, words = found(app, words_of(line))
            assert command is not app, f"{path.name}: bindscope {line}"
            try:
                command.make_context(command.name, words)
            except Exception as error:
                pytest.fail(f"{path.name}: bindscope {line}: {error}")
            seen += 1
    assert seen > 20


def test_commands_in_the_sentences_of_the_manual_exist_with_their_options(app) -> None:
    seen = 0
    for path in PAGES:
        for line in re.findall(r"`bindscope ([a-z-][^`]*)`", path.read_text(encoding="utf-8")):
            command, words = found(app, words_of(line))
            assert command is not app or words[0].startswith("-") or words == ["COMMAND", "--help"], (
                f"{path.name}: {line}"
            )
            if hasattr(command, "commands"):
                assert not words or words[0].startswith("-"), f"{path.name}: {line}"
            known = {name for option in command.params for name in option.opts} | {"--help", "--install-completion"}
            for option in (word.split("=")[0] for word in words if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", word)):
                assert option in known, f"{path.name}: {option} of bindscope {line}"
            seen += 1
    assert seen > 20


def test_the_manual_lists_every_command(app) -> None:
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    every = set(app.commands) | {
        f"{name} {inner}" for name, group in app.commands.items() for inner in getattr(group, "commands", {})
    }
    listed = set(re.findall(r"`([a-z-]+(?: [a-z]+)?)[^`]*`", page))
    assert every - {"data", "train"} <= listed


def test_every_command_and_option_says_what_it_is(app) -> None:
    for command in app.commands.values():
        for one in (command, *getattr(command, "commands", {}).values()):
            assert one.help, one.name
