"""``controlled:ID``: a finished run of controlled training as a model.

A run on tokens reads scenes themselves, objects from left to right; a run on pictures reads pixels. Texts are read in
the words of the run's own space: all values of one object are an object query, a single value is a concept query, and
a longer text is the sum of the unit vectors of its parts, so that a caption does not know an order.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bindscope.core.errors import InvalidInput, ModelUnavailable, UnknownName, UnsupportedModality
from bindscope.core.hashing import canonical_json
from bindscope.encoders import trained_runs
from bindscope.encoders.checksummed import unpack
from bindscope.encoders.model_id import ModelId
from bindscope.encoders.protocol import (
    Encoder,
    EncoderInfo,
    Fingerprint,
    Picture,
    PreparedPicture,
    SceneReader,
    Vectors,
    code_version,
    weights_bytes,
    weights_digest,
)
from bindscope.encoders.query_texts import Part, QueryTexts
from bindscope.encoders.settings import EncoderSettings, prepared_device
from bindscope.encoders.towers import ImageTower, Inputs, TorchEncoder
from bindscope.encoders.trained_runs import TrainedRun
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.controlled import run_definition
from bindscope.scenes.scene import MAX_OBJECTS, Scene

if TYPE_CHECKING:
    from torch import Tensor

    from bindscope.models.controlled import ControlledModel


def load(model: ModelId, settings: EncoderSettings) -> Encoder | SceneReader:
    """The run that ``model`` names, or its random twin. Raises UnknownName, ModelUnavailable."""
    from bindscope.models.controlled import build_model

    runs = settings.runs
    if runs is None or model.name not in runs.ids():
        raise UnknownName("trained run", model.name, [run.id for run in trained_runs.listed(runs)])
    run = trained_runs.described(runs, model.name)
    if model.seed is not None:
        net = build_model(replace(run.config, seed=model.seed), run.space.values)
    else:
        net = build_model(run.config, run.space.values)
        _fill(net, run, runs.read(run.id, trained_runs.MODEL))
    net = net.eval().to(prepared_device(settings))
    info = _info(model, run, net)
    if run.config.inputs == "tokens":
        return TokenRunEncoder(info, run, net)
    return PictureRunEncoder(info, run, net)


class TokenRunEncoder:
    """Scenes as tokens. Raises InvalidInput for scenes that the run has no words for."""

    def __init__(self, info: EncoderInfo, run: TrainedRun, net: "ControlledModel") -> None:
        self.info = info
        self._run, self._net = run, net
        self._queries = _Queries(run.space, net)

    def encode_scenes(self, scenes: Sequence[Scene]) -> Vectors:
        """Unit vectors [scene, dim]."""
        ids = [self._object_ids(scene) for scene in scenes]
        return encode_object_ids(self._net, ids)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors [text, dim]: see the module."""
        return self._queries.encode(texts)

    def encode_images(self, images: Sequence[Picture | PreparedPicture]) -> Vectors:
        """Raises UnsupportedModality: the run was trained on tokens."""
        raise UnsupportedModality(f"Model {self.info.id!r} reads scenes, not pixels: send scenes.")

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Values named in each text, before the cut at ``info.max_tokens``."""
        return self._queries.counts(texts)

    def _object_ids(self, scene: Scene) -> list[int]:
        own, most = self._run.space, self._run.config.objects
        if len(scene.objects) > most:
            raise InvalidInput(f"Model {self.info.id!r} was trained on scenes of at most {most} objects: use fewer.")
        placed = sorted(scene.objects, key=lambda o: (o.x, o.y))
        if scene.space == own:
            return [own.object_id(o.values) for o in placed]
        named = (scene.space.named(o.values) for o in placed)
        try:
            return [own.object_id(own.index(names)) for names in named]
        except InvalidInput as error:
            raise InvalidInput(
                f"Model {self.info.id!r} was trained on space {own.name!r} ({', '.join(own.names)}): {error}"
            ) from error


class PictureRunEncoder(TorchEncoder):
    """Pixels for scenes, the words of the run's space for texts."""

    def __init__(self, info: EncoderInfo, run: TrainedRun, net: "ControlledModel") -> None:
        from bindscope.models.pictures import MEAN, STD

        side = run.config.pixels

        def prepare(images: Sequence[Picture]) -> Inputs:
            return {"pixel_values": _resized(images, side)}

        def forward(inputs: Inputs) -> "Tensor":
            return net.encode_pixels(inputs["pixel_values"])

        super().__init__(info, image=ImageTower(side, prepare, forward, mean=MEAN, std=STD), text=None)
        self._queries = _Queries(run.space, net)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors [text, dim]: see the module."""
        return self._queries.encode(texts)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Values named in each text, before the cut at ``info.max_tokens``."""
        return self._queries.counts(texts)


class _Queries:
    """Texts through the query encoder."""

    def __init__(self, space: ConceptSpace, net: "ControlledModel") -> None:
        self._space, self._net = space, net
        self._texts = QueryTexts(space)

    def encode(self, texts: Sequence[str]) -> Vectors:
        import torch

        sums = np.zeros((len(texts), self._net.dim), dtype=np.float32)
        values: list[tuple[int, int]] = []  # row of the result, value token
        objects: list[tuple[int, int]] = []  # row of the result, object id
        for row, text in enumerate(texts):
            for part in _cut(self._texts.parts(text), most_values(self._space)):
                if len(part) == len(self._space.concepts):
                    objects.append((row, self._space.object_id([part[k] for k in sorted(part)])))
                else:
                    values += [(row, sum(self._space.values[:k]) + v) for k, v in sorted(part.items())]
        alphabet, device = self._net.alphabet, self._net.log_scale.device
        with torch.inference_mode():
            for found, tokens in ((values, alphabet.concept_queries), (objects, alphabet.object_queries)):
                if found:
                    ids, back = np.unique([number for _, number in found], return_inverse=True)
                    vectors = self._net.encode_queries([tokens(torch.from_numpy(ids).to(device))]).cpu().numpy()
                    np.add.at(sums, [row for row, _ in found], vectors[back])
        return sums

    def counts(self, texts: Sequence[str]) -> list[int]:
        return [sum(map(len, self._texts.parts(text))) for text in texts]


def most_values(space: ConceptSpace) -> int:
    """Values of one text beyond this many are dropped."""
    return MAX_OBJECTS * len(space.concepts)


def encode_object_ids(net: "ControlledModel", scenes: Sequence[Sequence[int]]) -> Vectors:
    """Unit vectors [scene, dim] of scenes as object ids, each of any length that the model was built for."""
    import torch

    out = np.zeros((len(scenes), net.dim), dtype=np.float32)
    lengths = np.array([len(scene) for scene in scenes], dtype=np.int64)
    with torch.inference_mode():
        for length in sorted({len(scene) for scene in scenes}):
            rows = np.flatnonzero(lengths == length).tolist()
            ids = torch.tensor([scenes[row] for row in rows], device=net.log_scale.device)
            out[rows] = net.encode_scenes([net.alphabet.scenes(ids)]).float().cpu().numpy()
    return out


def _cut(parts: list[Part], most: int) -> list[Part]:
    kept, left = [], most
    for part in parts:
        if left <= 0:
            break
        kept.append(dict(list(part.items())[:left]))
        left -= len(part)
    return kept


def _fill(net: "ControlledModel", run: TrainedRun, data: bytes) -> None:
    weights = unpack(data, what=f"model of run {run.id!r}")
    try:
        net.load_state_dict(dict(weights.tensors))
    except RuntimeError as error:
        raise ModelUnavailable(
            f"The weights of run {run.id!r} do not fit its settings: delete the run and train again."
        ) from error


def _resized(images: Sequence[Picture], side: int) -> "Tensor":
    from PIL import Image

    from bindscope.encoders.towers import normalised
    from bindscope.models.pictures import MEAN, STD

    size = (side, side)
    pictures = [np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)) for image in images]
    return normalised(np.stack(pictures), MEAN, STD)


def _info(model: ModelId, run: TrainedRun, net: "ControlledModel") -> EncoderInfo:
    pictures = run.config.inputs == "images"
    definition = run_definition(run.config, run.space)
    preprocessing = f"{run.config.pixels} px, bicubic" if pictures else "objects of the scene, left to right"
    return EncoderInfo(
        id=model.text,
        family="controlled" if model.seed is None else "random",
        modalities=("image", "text"),
        dim=run.config.dim,
        fingerprint=Fingerprint(
            family="controlled",
            weights=weights_digest(net.state_dict(), seed=model.seed),
            architecture=canonical_json(definition["config"]),
            preprocessing=preprocessing,
            tokenizer=canonical_json(definition["space"]),
            pooling="mean of patches" if pictures else "last token",
            dtype="float32",
            code=code_version("torch"),
        ),
        preprocessing=preprocessing,
        dtype="float32",
        device=str(net.log_scale.device.type),
        pixels=run.config.pixels if pictures else None,
        weight_bytes=weights_bytes(net.state_dict()),
        max_tokens=most_values(run.space),
    )
