"""What a model can do on random scenes, measured as the verdict measures it (docs/methods/verdicts.md)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import Interval, cosines, recognised, wilson
from bindscope.encoders.protocol import Picture, Vectors
from bindscope.scenes.captions import Captioner, captions_in_orders, mention_orders
from bindscope.scenes.concepts import ConceptSpace, Object
from bindscope.scenes.contests import valid_swaps
from bindscope.scenes.render import render_many
from bindscope.scenes.scene import Scene, random_layout, scene_at, scene_in_slots

Layout = Literal["random", "slots"]


@dataclass(frozen=True)
class Towers:
    """Both towers of a model and the side of the pictures that it reads."""

    images: Callable[[Sequence[Picture]], Vectors]
    texts: Callable[[Sequence[str]], Vectors]
    pixels: int


@dataclass(frozen=True)
class Measured:
    """Shares over scenes with 95 % intervals. ``swap`` and ``undecided`` are None where no scene has a swap."""

    swap: Interval
    undecided: Interval
    each_concept: tuple[Interval, ...]
    concepts: Interval
    object: Interval


def draw_scenes(
    space: ConceptSpace,
    pool: Sequence[Object],
    *,
    count: int,
    number: int,
    layout: Layout,
    seed: int,
) -> list[Scene]:
    """``number`` scenes of ``count`` objects from ``pool``; with two objects and more each has a valid swap."""
    rng = np.random.default_rng([seed, count])
    scenes: list[Scene] = []
    while len(scenes) < number:
        objects = [pool[i] for i in rng.integers(len(pool), size=count)]
        if count > 1 and not valid_swaps(objects):
            continue
        if layout == "slots":
            scenes.append(scene_in_slots(space, objects))
        else:
            scenes.append(scene_at(space, objects, random_layout(count, rng)))
    return scenes


def measure(towers: Towers, scenes: Sequence[Scene], captioner: Captioner | None = None) -> Measured:
    """Caption contest and recognition on ``scenes`` (all of one space)."""
    captioner = captioner or Captioner()
    space = scenes[0].space
    images = towers.images(list(render_many(scenes, towers.pixels)))
    margins = _margins(towers, images, scenes=scenes, captioner=captioner)
    single = []
    for k, concept in enumerate(space.concepts):
        texts = [captioner.concept_query(space, k, v) for v in range(len(concept.values))]
        present = np.array([[any(o[k] == v for o in s.values) for v in range(len(texts))] for s in scenes])
        single.append(recognised(cosines(images, towers.texts(texts)), present))
    queries = [captioner.object_query(space, o) for o in space.objects()]
    ids = [{space.object_id(o) for o in s.values} for s in scenes]
    there = np.array([[i in row for i in range(len(queries))] for row in ids])
    whole = recognised(cosines(images, towers.texts(queries)), there)
    return Measured(
        swap=wilson(int((margins > 0).sum()), len(margins)),
        undecided=wilson(int((margins == 0).sum()), len(margins)),
        each_concept=tuple(_share(hits) for hits in single),
        concepts=_share(np.logical_and.reduce(single)),
        object=_share(whole),
    )


def _margins(towers: Towers, images: Vectors, *, scenes: Sequence[Scene], captioner: Captioner) -> NDArray[np.float64]:
    """Best true caption minus best swapped caption, for the scenes that have a valid swap."""
    sides: list[tuple[int, list[str], list[str]]] = []
    for i, scene in enumerate(scenes):
        orders = mention_orders(len(scene.objects))
        said = [
            captions_in_orders(captioner, scene.space, objects=objects, orders=orders)
            for objects in (scene.values, *(swap.objects for swap in valid_swaps(scene.values)))
        ]
        if len(said) > 1:
            sides.append((i, said[0], list(chain.from_iterable(said[1:]))))
    if not sides:
        return np.zeros(0)
    texts = list(dict.fromkeys(chain.from_iterable(true + false for _, true, false in sides)))
    place = {text: i for i, text in enumerate(texts)}
    vectors = towers.texts(texts)
    margins = []
    for i, true, false in sides:
        scores = cosines(images[i : i + 1], vectors[[place[text] for text in true + false]])[0]
        margins.append(scores[: len(true)].max() - scores[len(true) :].max())
    return np.array(margins)


def _share(hits: NDArray[np.bool_]) -> Interval:
    return wilson(int(hits.sum()), len(hits))


def open_folder(folder: Path) -> Towers:
    """Both towers of a stored open_clip folder, read by open_clip itself."""
    import open_clip
    import torch
    from PIL import Image

    source = f"local-dir:{folder}"
    model, _, preprocess = open_clip.create_model_and_transforms(source)
    tokenizer = open_clip.get_tokenizer(source)
    model.eval()

    def images(pictures: Sequence[Picture]) -> Vectors:
        with torch.inference_mode():
            stack = torch.stack([preprocess(Image.fromarray(picture)) for picture in pictures])
            return _rows([model.encode_image(part) for part in torch.split(stack, 64)])

    def texts(said: Sequence[str]) -> Vectors:
        with torch.inference_mode():
            return _rows([model.encode_text(part) for part in torch.split(tokenizer(list(said)), 256)])

    def _rows(parts: Sequence[torch.Tensor]) -> Vectors:
        return np.asarray(torch.cat(list(parts)).float().numpy(), dtype=np.float32)

    return Towers(images, texts, int(model.visual.image_size[0]))
