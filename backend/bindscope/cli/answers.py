"""How every command gives its answer: for people, as JSON on standard output, or as a file (JSON, or CSV by name)."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import typer

from bindscope.cli.files import written


def delivered(answer: Any, *, as_json: bool, out: Path | None = None) -> bool:
    """Gives the answer as a file, as JSON, or both; False where neither was asked for. Raises InvalidInput."""
    if out is not None:
        written(out, _file_text(answer, out).encode())
        if not as_json:
            typer.echo(f"{out}: written")
    if as_json:
        typer.echo(json.dumps(_plain(answer), ensure_ascii=False, allow_nan=False))
    return as_json or out is not None


def _file_text(answer: Any, out: Path) -> str:
    if out.suffix.lower() != ".csv":
        return json.dumps(_plain(answer), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    from bindscope.client import frames

    rows = frames.records(answer)
    names = list(dict.fromkeys(name for row in rows for name in row))
    file = io.StringIO(newline="")
    table = csv.DictWriter(file, names, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return file.getvalue()


def _plain(answer: Any) -> Any:
    """The answer as the API gives it."""
    from pydantic_core import to_jsonable_python

    return to_jsonable_python(answer)
