"""How every command gives its answer: for people, as JSON on standard output, or as a file (JSON, or CSV by name)."""

import csv
import io
import json
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from bindscope.client import frames
from bindscope.core.errors import InvalidInput

Json = Annotated[bool, typer.Option("--json", help="Print the same JSON as the API.")]
Out = Annotated[Path | None, typer.Option(help="Write the answer to this file: JSON, or a table if it ends in .csv.")]


def delivered(answer: Any, *, as_json: bool, out: Path | None = None) -> bool:
    """Gives the answer as a file, as JSON, or both; False where neither was asked for. Raises InvalidInput."""
    if out is not None:
        _write(answer, out)
        if not as_json:
            typer.echo(f"{out}: written")
    if as_json:
        typer.echo(json_text(answer))
    return as_json or out is not None


def json_text(answer: Any) -> str:
    """The answer as the API gives it."""
    return json.dumps(_plain(answer), ensure_ascii=False, allow_nan=False)


def _write(answer: Any, out: Path) -> None:
    if out.suffix.lower() == ".csv":
        rows = frames.records(answer)
        names = list(dict.fromkeys(name for row in rows for name in row))
        file = io.StringIO(newline="")
        table = csv.DictWriter(file, names, restval="", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        text = file.getvalue()
    else:
        text = json.dumps(_plain(answer), ensure_ascii=False, allow_nan=False, indent=2) + "\n"
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InvalidInput(f"Cannot write {out}: {error.strerror}. Give --out another place.") from error


def _plain(answer: Any) -> Any:
    if isinstance(answer, BaseModel):
        return answer.model_dump(mode="json")
    if isinstance(answer, list | tuple):
        return [_plain(one) for one in answer]
    if isinstance(answer, dict):
        return {name: _plain(one) for name, one in answer.items()}
    return answer
