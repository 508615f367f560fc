"""How well a sum and a global product predict the embeddings of a run: of objects that it saw, and of others, apart."""

from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from bindscope.core.errors import InvalidInput
from bindscope.jobs.kind import Fields, plain
from bindscope.jobs.worker import Cell, Workplace

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Sum and product are fitted on scenes of this share of the objects that the run saw, and scored on the others of
#: them; and again among those that it did not see.
PRODUCT_COVERAGE = 0.8
PRODUCT_SCENES = 3_000
#: Fewer objects than this are not split again.
PRODUCT_OBJECTS = 10


def run_products(place: Workplace, cell: Cell) -> dict[str, Fields | None]:
    """The fits among the objects that the run saw and among those that it did not see."""
    from bindscope.scenes.controlled import read_definition
    from bindscope.training.controlled.train import object_partition

    config, space = read_definition(cell.spec["definition"])
    partition = object_partition(space, coverage=config.coverage, seed=config.seed)
    unseen = np.sort(np.concatenate([partition.validation, partition.test]))
    parts = {"seen": partition.train, "unseen": unseen}
    return {name: _product_fit(place, cell, objects) for name, objects in parts.items()}


def _product_fit(place: Workplace, cell: Cell, objects: "NDArray[np.int64]") -> Fields | None:
    """What the sum and the global product predict of scenes of some of these objects, from scenes of the others.

    Most of an embedding is a sum whatever the run has learnt, so R2 alone says little about binding: ``product_share``
    is the share of what the sum leaves unexplained that the product explains, and at least 0. None where the objects
    are too few.
    """
    from bindscope.analysis.complexity import fit_cells
    from bindscope.core.specs import ComplexityCell
    from bindscope.scenes.controlled import read_definition
    from bindscope.training.controlled.data import scenes_of
    from bindscope.training.controlled.evaluation import labels_of
    from bindscope.training.controlled.probes import query_probes
    from bindscope.training.controlled.results import scene_vectors

    config, space = read_definition(cell.spec["definition"])
    if len(objects) < PRODUCT_OBJECTS:
        return None
    folder = place.artifacts.folder("runs", cell.spec["run"])
    ids = scenes_of(objects, min(2, config.objects), number=PRODUCT_SCENES, seed=config.seed)
    labels = labels_of(ids, space.values, space.names)
    fits = [ComplexityCell(kind, PRODUCT_COVERAGE, config.seed) for kind in ("additive", "global_product")]
    try:
        total, product = fit_cells(
            scene_vectors(folder, labels),
            labels,
            fits,
            probes=query_probes(folder),
            calibrated=False,
            tick=place.tick,
        )
    except InvalidInput:
        return None
    share = None
    if product.test_r2 is not None and total.test_r2 is not None and total.test_r2 < 1:
        share = max(0.0, 1 - (1 - product.test_r2) / (1 - total.test_r2))
    return plain(
        {
            "objects": len(objects),
            "held_out": product.unseen_objects,
            "additive_r2": total.test_r2,
            "product_r2": product.test_r2,
            "product_share": share,
            "binding": asdict(product.binding),
        }
    )
