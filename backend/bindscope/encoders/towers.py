"""One encoder out of an image tower and a text tower of any torch library.

A picture that has the model's own size already skips the upstream resize and crop, which do nothing there: all such
pictures of a batch are normalised in one operation. Each picture takes the same way whatever else is in the batch.

Forward passes run without the Python interpreter where that gives the same bits: an eager pass takes the interpreter's
lock for each of its hundred operations, and waits for it a hundred times while other threads answer requests; a trace
takes it once (``python -m benchmarks bench_load`` measures both).
"""

import threading
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from bindscope.core.errors import InvalidInput, UnsupportedModality
from bindscope.encoders.protocol import EncoderInfo, Picture, PreparedPicture, Vectors

if TYPE_CHECKING:
    from torch import Tensor

Inputs: TypeAlias = "Mapping[str, Tensor]"  # arguments of a forward pass, item first

#: Largest difference between the short and the upstream preprocessing that counts as none.
_SAME = 1e-5
_BYTES = "bytes"


@dataclass(frozen=True)
class ImageTower:
    """``prepare``: upstream's own preprocessing; ``forward``: inputs to features [item, dim].

    ``mean`` and ``std`` (of channels in 0..1) are set where preprocessing is only that at ``pixels`` x ``pixels``;
    the inputs are then called ``name``.
    """

    pixels: int
    prepare: Callable[[Sequence[Picture]], Inputs]
    forward: Callable[[Inputs], "Tensor"]
    name: str = "pixel_values"
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    from_bytes: Callable[[Inputs], "Tensor"] | None = None

    def is_ready(self, image: Picture) -> bool:
        """Whether nothing but the normalisation is left to do."""
        return self.mean is not None and image.shape[:2] == (self.pixels, self.pixels)

    def inputs(self, images: Sequence[Picture | PreparedPicture], device: str = "cpu") -> Inputs:
        """Inputs of all pictures, in order. Those of the model's own size are normalised together, on ``device``."""
        import torch

        groups: tuple[list[int], list[int], list[int]] = ([], [], [])
        for i, image in enumerate(images):
            groups[0 if isinstance(image, PreparedPicture) else 1 if self.is_ready(image) else 2].append(i)
        before, own, other = groups
        parts: list[Inputs] = [image.inputs for image in images if isinstance(image, PreparedPicture)]
        if own:
            assert self.mean is not None
            assert self.std is not None
            stack = np.stack([image for image in (images[i] for i in own) if not isinstance(image, PreparedPicture)])
            parts.append({self.name: normalised(stack, self.mean, self.std, device)})
        if other:
            parts.append(self.prepare([image for image in (images[i] for i in other) if isinstance(image, np.ndarray)]))
        if len(parts) == 1:
            return parts[0]
        back = torch.from_numpy(np.argsort(np.array(before + own + other, dtype=np.int64)))
        return {
            name: torch.cat([moved(part[name], device) for part in parts])[moved(back, device)] for name in parts[0]
        }


@dataclass(frozen=True)
class TextTower:
    """``tokenize``: texts to inputs, cut at the context length; ``count``: tokens before the cut. ``full``: inputs are
    always as long as the context, and nothing else decides about the way they take through the model."""

    tokenize: Callable[[Sequence[str]], Inputs]
    forward: Callable[[Inputs], "Tensor"]
    count: Callable[[Sequence[str]], list[int]]
    full: bool = False


class TorchEncoder:
    """Follows the Encoder protocol with one forward pass a call; the caller makes the batches."""

    def __init__(self, info: EncoderInfo, *, image: ImageTower | None, text: TextTower | None) -> None:
        self.info = info
        # On a graphics card nothing of this was measured: passes stay as they are there.
        self._image = image if image is None or info.device != "cpu" else self._traced_image(image)
        self._text = text if text is None or info.device != "cpu" or not text.full else self._traced_text(text)
        # Fast tokenizers keep the cut in shared state: counting in another thread would break a batch.
        self._tokenizing = threading.Lock()

    def encode_images(self, images: Sequence[Picture | PreparedPicture]) -> Vectors:
        """Vectors [image, dim] of RGB pictures of any size. Raises UnsupportedModality, InvalidInput."""
        tower = self._image_tower()
        for image in images:
            if not isinstance(image, PreparedPicture):
                _check(image)
        if not images:
            return self._none()
        direct = tower.from_bytes
        ready = [image for image in images if isinstance(image, np.ndarray) and tower.is_ready(image)]
        if direct is not None and len(ready) == len(images):
            stack = np.stack(ready)
            return self._run(lambda: direct({_BYTES: torch_from(stack)}))
        return self._run(lambda: tower.forward(self._placed(tower.inputs(images, self.info.device))))

    def prepared(self, image: Picture) -> Picture | PreparedPicture:
        """Resized and normalised as upstream does it; a picture of the model's own size stays bytes until its batch."""
        tower = self._image_tower()
        _check(image)
        return image if tower.is_ready(image) else PreparedPicture(tower.prepare([image]))

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Vectors [text, dim]; longer texts are cut as upstream cuts them. Raises UnsupportedModality."""
        tower = self._text_tower()
        if not texts:
            return self._none()
        with self._tokenizing:
            inputs = tower.tokenize(list(texts))
        return self._run(lambda: tower.forward(self._placed(inputs)))

    def tokenized(self, texts: Sequence[str]) -> Inputs:
        """What the text tower is given, item first. Raises UnsupportedModality."""
        with self._tokenizing:
            return self._text_tower().tokenize(texts)

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text before the cut at ``info.max_tokens``, special ones included."""
        tower = self._text_tower()
        with self._tokenizing:
            return tower.count(list(texts)) if texts else []

    def _traced_image(self, tower: ImageTower) -> ImageTower:
        side = tower.pixels
        noise = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), dtype=np.uint8)
        examples = [self._placed(tower.inputs(list(noise[:count]))) for count in (2, 1, 3)]
        forward, mean, std = traced(tower.forward, examples), tower.mean, tower.std
        if forward is tower.forward or mean is None or std is None:
            return replace(tower, forward=forward)

        def from_bytes(inputs: Inputs) -> "Tensor":
            pixels = unit_pixels(inputs[_BYTES], mean, std, self.info.device)
            return tower.forward(self._placed({tower.name: pixels}))

        whole = traced(from_bytes, [{_BYTES: torch_from(noise[:count])} for count in (2, 1, 3)])
        return replace(tower, forward=forward, from_bytes=None if whole is from_bytes else whole)

    def _traced_text(self, tower: TextTower) -> TextTower:
        texts = ["a red square", "a blue circle and a green star", "circle"]
        examples = [self._placed(tower.tokenize(texts[:count])) for count in (2, 1, 3)]
        return replace(tower, forward=traced(tower.forward, examples))

    def _image_tower(self) -> ImageTower:
        if self._image is None:
            raise UnsupportedModality(f"Model {self.info.id!r} reads text only: send texts.")
        return self._image

    def _text_tower(self) -> TextTower:
        if self._text is None:
            raise UnsupportedModality(f"Model {self.info.id!r} reads images only: send images or scenes.")
        return self._text

    def _none(self) -> Vectors:
        return np.zeros((0, self.info.dim), dtype=np.float32)

    def _placed(self, inputs: Inputs) -> Inputs:
        import torch

        dtype = getattr(torch, self.info.dtype)
        placed = {name: moved(value, self.info.device) for name, value in inputs.items()}
        return {name: value.to(dtype) if value.is_floating_point() else value for name, value in placed.items()}

    def _run(self, compute: Callable[[], "Tensor"]) -> Vectors:
        import torch

        with torch.inference_mode():
            out: Vectors = compute().float().cpu().numpy()
        return np.ascontiguousarray(out)


def _check(image: Picture) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
        raise InvalidInput(f"A picture is uint8 [height, width, 3], got {image.dtype} {list(image.shape)}.")


def moved(tensor: "Tensor", device: str) -> "Tensor":
    """On ``device``; copied there without waiting, from pinned memory, where that is another."""
    if tensor.device.type == device:
        return tensor
    return tensor.pin_memory().to(device, non_blocking=True)


def normalised(pictures: Picture, mean: Sequence[float], std: Sequence[float], device: str = "cpu") -> "Tensor":
    """Pictures [item, height, width, 3] in 0..255 to [item, 3, height, width], zero mean and unit spread.

    The bytes are what travels to ``device``: a quarter of the floats.
    """
    return unit_pixels(torch_from(pictures), mean, std, device)


def torch_from(array: Picture) -> "Tensor":
    """The same memory as a tensor."""
    import torch

    return torch.from_numpy(array)


def unit_pixels(pictures: "Tensor", mean: Sequence[float], std: Sequence[float], device: str) -> "Tensor":
    """As ``normalised``, of a tensor."""
    import torch

    pixels = moved(pictures, device).permute(0, 3, 1, 2)
    pixels = pixels.to(torch.float32, memory_format=torch.contiguous_format).div_(255)
    centre, spread = (torch.tensor(list(v), dtype=torch.float32, device=device).view(1, -1, 1, 1) for v in (mean, std))
    return pixels.sub_(centre).div_(spread)


def with_shortcut(tower: ImageTower, mean: Sequence[float], std: Sequence[float]) -> ImageTower:
    """The tower with ``mean`` and ``std`` set, if upstream's preprocessing is only that at the model's own size.

    Tried on a picture of noise, which any resampling, crop or padding would change.
    """
    side = tower.pixels
    noise = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
    upstream = tower.prepare([noise[0]])
    short = normalised(noise, mean, std)
    if set(upstream) != {tower.name} or upstream[tower.name].shape != short.shape:
        return tower
    if float((upstream[tower.name] - short).abs().max()) > _SAME:
        return tower
    return ImageTower(side, tower.prepare, tower.forward, tower.name, tuple(mean), tuple(std))


Forward: TypeAlias = "Callable[[Mapping[str, Tensor]], Tensor]"


def traced(forward: Forward, examples: "list[Mapping[str, Tensor]]") -> Forward:
    """``forward`` as a trace over the first example, or itself: where tracing fails or an example comes out different.

    The examples should differ in their number of items: a trace that has baked one in is found out by the others.
    """
    import torch

    names = tuple(examples[0])

    def flat(*tensors: "Tensor") -> "Tensor":
        return forward(dict(zip(names, tensors, strict=True)))

    def run(inputs: "Mapping[str, Tensor]") -> "Tensor":
        out: Tensor = graph(*(inputs[name] for name in names))
        return out

    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        try:
            graph = torch.jit.trace(flat, tuple(examples[0].values()), check_trace=False)  # type: ignore[no-untyped-call]
            # Twice: the first runs of a graph only watch it.
            same = all(torch.equal(forward(own), run(own)) for _ in range(2) for own in examples)
        except Exception:
            return forward
    return run if same else forward
