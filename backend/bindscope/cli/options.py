"""Options that several commands share, each declared once."""

from pathlib import Path
from typing import Annotated

import typer

Url = Annotated[str | None, typer.Option(help="A running service; without it the command starts its own.")]
Json = Annotated[bool, typer.Option("--json", help="Print the same JSON as the API.")]
Out = Annotated[Path | None, typer.Option(help="Write the answer to this file: JSON, or a table if it ends in .csv.")]

Model = Annotated[str, typer.Option("--model", "-m", help="Model id, see 'bindscope models'.")]
ModelArgument = Annotated[str, typer.Argument(help="Model id.")]
Space = Annotated[str, typer.Option("--space", "-s", help="Concept space.")]
Template = Annotated[str, typer.Option(help="Caption template: a name or a text with one {}.")]
Seed = Annotated[int, typer.Option(min=0)]
Splits = Annotated[int, typer.Option(min=1, max=50, help="Splits by bag: sets of scenes with the same values.")]
Estimator = Annotated[str, typer.Option(help="avg, avg_pos, single, lstsq or lstsq_pos.")]
Detach = Annotated[bool, typer.Option("--detach", help="Start the job on the service at --url and leave.")]

#: Where the scenes of an analysis come from: see ``cli.sources``.
SourceModel = Annotated[str | None, typer.Option("--model", "-m", help="Model id, see 'bindscope models'.")]
Modality = Annotated[str, typer.Option(help="image or text.")]
Dataset = Annotated[str | None, typer.Option(help="An uploaded dataset's id, or an .npz file to upload.")]
Limit = Annotated[int, typer.Option(min=2, help="At most this many scenes (a seeded sample).")]
