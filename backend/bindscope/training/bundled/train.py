"""Training of the bundled models: ``train_bundled`` reads top to bottom and yields reports.

The caller prints, stores or stops. Run as ``python -m bindscope.training.bundled.train --name tiny-bind --out FOLDER``.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import cos, pi
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bindscope.scenes.render import RENDERER_VERSION
from bindscope.training.bundled.config import PIXELS, SPACE, BundledSpec, preset
from bindscope.training.bundled.data import (
    Group,
    SceneSource,
    Wording,
    concept_query_ids,
    object_query_ids,
    padded,
    wide,
)
from bindscope.training.bundled.encoding import encode_ids, encode_pictures
from bindscope.training.bundled.evaluation import Towers, draw_scenes, measure
from bindscope.training.bundled.folder import build_model, write_folder

if TYPE_CHECKING:
    from open_clip import CLIP
    from torch import Tensor

_REPORT_EVERY = 50
_FIGURES_EVERY = 500


@dataclass(frozen=True)
class Progress:
    """One report. ``figures`` are quick shares on a small validation set, now and then; ``seconds`` since the start."""

    step: int
    steps: int
    loss: float
    seconds: float
    figures: Mapping[str, float] | None = None


def train_bundled(name: str, *, out: Path, seed: int = 0, steps: int | None = None) -> Iterator[Progress]:
    """Train the bundled model ``name`` on one CPU thread and write its open_clip folder to ``out``.

    The folder is written with every report that has figures, for the last time at the end (``step`` in its card).
    The same name, seed, steps and library versions give the same weights. Raises UnknownName, InvalidInput.
    """
    spec = preset(name, steps=steps)
    return _train(spec, out=out, seed=seed)


def _train(spec: BundledSpec, *, out: Path, seed: int) -> Iterator[Progress]:
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    start, busy = time.perf_counter(), time.process_time()
    source = SceneSource(spec, seed)
    model = build_model(spec)
    model.visual.to(memory_format=torch.channels_last)
    scales = torch.nn.Parameter(torch.full((3,), 2.3))
    loss_of, beside = _objective(model, spec, source=source, scales=scales, seed=seed)
    learnt = [*model.parameters(), *beside]
    optimizer = _optimizer(learnt, scales, spec)
    model.train()
    losses: list[float] = []
    for step in range(1, spec.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = spec.learning_rate * schedule(step, spec)
        wording, groups = source.batch()
        loss = loss_of(groups=groups, wording=wording)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(learnt, 1.0)
        optimizer.step()
        losses.append(float(loss.detach()))
        last = step == spec.steps
        figures = None
        if step % _FIGURES_EVERY == 0 or last:
            with torch.no_grad():
                model.logit_scale.copy_(scales[0].clamp(max=float(np.log(spec.max_scale))))
            # Processor time says what the training costs; the clock also counts whatever else the machine does.
            seconds = {"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - busy}
            card = _card(spec, source=source, seed=seed) | {"step": step} | seconds
            write_folder(model, spec, out=out, card=card)
            figures = quick_figures(model, source, number=spec.validation)
        if step % _REPORT_EVERY == 0 or last:
            yield Progress(step, spec.steps, float(np.mean(losses)), time.perf_counter() - start, figures)
            losses.clear()


def _objective(
    model: "CLIP", spec: BundledSpec, *, source: SceneSource, scales: "Tensor", seed: int
) -> tuple[Callable[..., "Tensor"], list["Tensor"]]:
    """The loss of a batch, and what is learnt beside the model and the scales."""
    if spec.private is None:
        return partial(batch_loss, model, spec, source=source, scales=scales), []
    from bindscope.training.bundled.private_binding import build_readouts, private_loss

    readouts = build_readouts(spec.private, dim=spec.embed_dim, seed=seed)
    beside: list[Tensor] = [parameter for readout in readouts.values() for parameter in readout.parameters()]
    return partial(private_loss, model, readouts, spec, scales=scales), beside


def schedule(step: int, spec: BundledSpec) -> float:
    """Share of the learning rate at ``step`` (from 1): linear warm-up, then a cosine down to a hundredth."""
    if step <= spec.warmup:
        return step / spec.warmup
    done = (step - spec.warmup) / max(1, spec.steps - spec.warmup)
    return 0.01 + 0.99 * (1 + cos(pi * done)) / 2


def batch_loss(
    model: "CLIP",
    spec: BundledSpec,
    *,
    groups: list[Group],
    wording: Wording,
    source: SceneSource,
    scales: "Tensor",
) -> "Tensor":
    """Caption contrast, concept queries and, where the spec asks for them, object queries."""
    import torch
    from torch.nn.functional import normalize

    from bindscope.training.bundled.objectives import (
        caption_loss,
        query_loss,
        same_objects,
        uniform_over_present,
        value_targets,
    )

    scale = scales.clamp(max=float(np.log(spec.max_scale))).exp()
    images = normalize(encode_pictures(model, np.concatenate([g.pictures() for g in groups])), dim=-1)
    short = [*concept_query_ids(wording), groups[0].captions]
    if spec.object_queries:
        short.append(object_query_ids(source.trained, wording))
    sizes = [len(part) for part in short]
    queries = torch.split(normalize(encode_ids(model, padded(short)), dim=-1), sizes)
    longer = [normalize(encode_ids(model, np.concatenate([g.captions, g.swaps])), dim=-1) for g in groups[1:]]
    captions = torch.cat([queries[2], *(texts[: len(g.captions)] for texts, g in zip(longer, groups[1:], strict=True))])
    swaps = torch.cat([texts[len(g.captions) :] for texts, g in zip(longer, groups[1:], strict=True)])
    keys = np.concatenate([wide(g.keys) for g in groups])
    same = same_objects(keys, np.concatenate([keys, *(wide(g.swap_keys) for g in groups[1:])]))
    loss = caption_loss(images, captions, swaps, scale=scale[0], same=torch.from_numpy(same))
    targets = value_targets(keys, SPACE.values)
    loss = loss + spec.concept_weight * query_loss(images, queries[:2], scale=scale[1], targets=targets)
    if spec.object_queries:
        column = np.append(np.cumsum(source.seen) - 1, -1)
        wanted = torch.from_numpy(uniform_over_present(column[keys], len(source.trained)))
        loss = loss + spec.object_weight * query_loss(images, queries[3:], scale=scale[2], targets=[wanted])
    return loss


def quick_figures(model: "CLIP", source: SceneSource, *, number: int) -> dict[str, float]:
    """Shares on ``number`` validation scenes of all objects and, where some are held out, on scenes of those only."""
    import torch

    from bindscope.training.bundled.vocabulary import build_tokenizer

    tokenizer = build_tokenizer(model.context_length)

    def images(pictures: Any) -> Any:
        with torch.no_grad():
            return encode_pictures(model, np.stack(pictures)).numpy()

    def texts(said: Any) -> Any:
        with torch.no_grad():
            ids = tokenizer(list(said), padding=True, return_tensors="np")["input_ids"]
            return encode_ids(model, ids).numpy()

    model.eval()
    pools = {"all": SPACE.objects()}
    if source.held_out:
        pools["unseen"] = [SPACE.object_at(i) for i in source.held_out]
    figures: dict[str, float] = {}
    for kind, pool in pools.items():
        scenes = draw_scenes(SPACE, pool, count=2, number=number, layout="random", seed=901)
        found = measure(Towers(images, texts, PIXELS), scenes)
        for what in ("swap", "concepts", "object"):
            figures[f"{kind}_{what}"] = getattr(found, what).value
    model.train()
    return figures


def _optimizer(learnt: Sequence["Tensor"], scales: "Tensor", spec: BundledSpec) -> Any:
    import torch

    plain = [p for p in learnt if p.ndim < 2]
    matrices = [p for p in learnt if p.ndim >= 2]
    return torch.optim.AdamW(
        [
            {"params": matrices, "weight_decay": spec.weight_decay},
            {"params": [*plain, scales], "weight_decay": 0.0},
        ],
        lr=spec.learning_rate,
        betas=(0.9, 0.98),
        eps=1e-6,
    )


def _card(spec: BundledSpec, *, source: SceneSource, seed: int) -> dict[str, Any]:
    import open_clip
    import torch

    settings = asdict(spec)
    caution = settings.pop("caution")
    return {
        "name": spec.name,
        "summary": spec.summary,
        **({"caution": caution} if caution else {}),
        "space": SPACE.name,
        "renderer": RENDERER_VERSION,
        "seed": seed,
        "settings": settings,
        "held_out": [SPACE.named(SPACE.object_at(i)) for i in source.held_out],
        "versions": {"torch": torch.__version__, "open_clip": open_clip.__version__, "numpy": np.__version__},
    }


def main() -> None:
    """Train one model and print its reports."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", required=True)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int)
    args = parser.parse_args()
    for report in train_bundled(args.name, out=args.out, seed=args.seed, steps=args.steps):
        figures = "".join(f"  {key} {value:.3f}" for key, value in (report.figures or {}).items())
        line = f"{report.step}/{report.steps}  loss {report.loss:.4f}  {report.seconds:.0f} s{figures}\n"
        sys.stdout.write(line)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
