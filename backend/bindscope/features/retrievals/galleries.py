"""Queries and galleries of retrieval: which scenes are asked for, and among which."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bindscope.core.errors import InvalidInput
from bindscope.encoders.protocol import EncoderInfo
from bindscope.features.retrievals.schemas import RetrievalRequest
from bindscope.scenes.captions import Captioner, captions_in_orders, mention_orders
from bindscope.scenes.concepts import ConceptSpace, Object
from bindscope.scenes.contests import valid_swaps
from bindscope.scenes.ordered import scene_labels
from bindscope.scenes.sampling import sample_scenes
from bindscope.services.pools import EmbeddedScenes

Objects = tuple[Object, ...]


@dataclass(frozen=True)
class Entry:
    """One item of a gallery: its objects as they stand or are said, the caption where it is one, and the row of an
    upload where it is one."""

    objects: Objects
    text: str | None
    row: int | None = None


def check_upload(data: EmbeddedScenes, info: EncoderInfo, space: ConceptSpace, spec: RetrievalRequest) -> None:
    """Raises InvalidInput for an upload that cannot be what the model made of scenes of the space."""
    if spec.direction == "text_to_text":
        raise InvalidInput("An upload stands for pictures: choose text_to_image or image_to_text.")
    if data.embeddings.shape[1] != info.dim:
        raise InvalidInput(
            f"The upload has vectors of {data.embeddings.shape[1]} numbers and {info.id!r} makes {info.dim}: upload "
            "the image vectors of this model."
        )
    if data.labels.values != space.values or data.labels.slots != spec.objects:
        raise InvalidInput(
            f"The upload has scenes of {data.labels.slots} objects with {list(data.labels.values)} values, space "
            f"{space.name!r} has {list(space.values)} and the question is of {spec.objects} objects: make them alike."
        )


def drawn(uploaded: Sequence[Entry], spec: RetrievalRequest) -> list[Objects]:
    """Seeded scenes of an upload that have a valid swap, each set of objects once. Raises InvalidInput for none."""
    able = list({meaning(e.objects): e.objects for e in uploaded[::-1] if valid_swaps(e.objects)}.values())[::-1]
    if not able:
        raise InvalidInput("No scene of the upload has a valid swap: there is nothing to confuse.")
    chosen = np.sort(np.random.default_rng(spec.seed).permutation(len(able))[: spec.queries])
    return [able[number] for number in chosen.tolist()]


def queried(space: ConceptSpace, spec: RetrievalRequest) -> list[Objects]:
    """Seeded scenes with a valid swap, each set of objects once."""
    drawn = sample_scenes(
        space, spec.queries, seed=spec.seed, objects=spec.objects, layout="slots", only_valid_swaps=True
    )
    return list({meaning(scene.values): scene.values for scene in drawn[::-1]}.values())[::-1]


def with_twins(scenes: Sequence[Objects]) -> list[Objects]:
    """The queried scenes, then every scene that one valid swap makes of them, each set of objects once."""
    twins = [swap.objects for scene in scenes for swap in valid_swaps(scene)]
    shown: dict[Objects, Objects] = {}
    for scene in (*scenes, *twins):
        shown.setdefault(meaning(scene), scene)
    return list(shown.values())


def twins_among(uploaded: Sequence[Entry], scenes: Sequence[Objects]) -> list[Objects]:
    """The twins of ``scenes`` that an upload shows and that are not among them."""
    first = {meaning(entry.objects): entry.objects for entry in uploaded[::-1]}
    queried_ones = {meaning(scene) for scene in scenes}
    wanted = dict.fromkeys(meaning(twin) for twin in with_twins(scenes))
    return [first[one] for one in wanted if one in first and one not in queried_ones]


def among_twins(space: ConceptSpace, scenes: Sequence[Objects], spec: RetrievalRequest) -> list[Entry]:
    """The queried ``scenes`` and their twins; captions in every order of mention."""
    if spec.direction == "text_to_image":
        return [Entry(scene, None) for scene in scenes]
    captioner, orders = Captioner(spec.template), mention_orders(spec.objects)
    return [
        Entry(scene, text)
        for scene in scenes
        for text in captions_in_orders(captioner, space, objects=scene, orders=orders)
    ]


def among_all(space: ConceptSpace, scenes: Sequence[Objects], spec: RetrievalRequest) -> list[Entry]:
    """All ordered scenes of the space, or a sample of them; the queried ``scenes`` and their twins are there in both
    directions."""
    labels = scene_labels(space, spec.objects, limit=spec.limit)
    listed: list[Objects] = [tuple(map(tuple, row)) for row in labels.scenes.tolist()]
    every = dict.fromkeys([*listed, *scenes, *(scene[::-1] for scene in scenes)])
    if spec.direction == "text_to_image":
        return [Entry(scene, None) for scene in every]
    captioner = Captioner(spec.template)
    return [Entry(scene, captioner.caption(space, scene)) for scene in every]


def meaning(objects: Objects) -> Objects:
    """The same for the same objects in any order."""
    return tuple(sorted(objects))
