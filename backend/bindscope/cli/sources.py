"""Where the scenes of an analysis come from, by the options ``--model``, ``--space``, ``--modality``, ``--dataset``."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bindscope.cli.files import require_file
from bindscope.core.errors import InvalidInput

if TYPE_CHECKING:
    from bindscope.client import BindscopeClient


def source_of(
    client: "BindscopeClient", *, model: str | None, space: str, modality: str, dataset: str | None, limit: int
) -> dict[str, Any]:
    """The ``source`` of a request; an .npz file is uploaded first. Raises InvalidInput."""
    if model is None and dataset is None:
        raise InvalidInput("Give --model (with --space and --modality), --dataset, or both for pictures of your own.")
    if model is not None and dataset is not None:
        return {"model": model, "dataset": dataset, "modality": modality}
    if model is not None:
        return {"model": model, "space": space, "modality": modality, "limit": limit}
    path = Path(str(dataset))
    if path.suffix == ".npz":
        require_file(path)
        return {"dataset": client.add_dataset(path).id}
    if not re.fullmatch("[0-9a-f]{16}", str(dataset)):
        raise InvalidInput(f"{str(dataset)!r} is neither the id of a dataset (16 hexadecimal digits) nor an .npz file.")
    return {"dataset": str(dataset)}
