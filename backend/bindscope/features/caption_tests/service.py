"""Public tests of compositional captions (SugarCrepe, Winoground, ARO) on a model, from the files that a user has.

A tie is not right. Items whose captions are one bag of words are counted in a row of their own, and each row is
answered once more by a picture that is the same for all items: what it gets right takes no look at the picture.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from bindscope.analysis.metrics import cosines, unit, wilson
from bindscope.analysis.verdict import RESOLUTION
from bindscope.core.errors import InvalidInput, UnsupportedModality
from bindscope.core.wire import Interval
from bindscope.encoders.protocol import Picture
from bindscope.features.caption_tests.formats import Format, PairItem, format_of, items_of, rows_of
from bindscope.features.caption_tests.schemas import (
    CaptionTestProgress,
    CaptionTestResponse,
    CaptionTestRow,
    PairItemResult,
    RowKind,
)
from bindscope.features.datasets.archive import PICTURES, Archive
from bindscope.services.container import Services
from bindscope.services.noise import noise_floor
from bindscope.services.provenance import provenance

CHUNK = 64
_LISTED = 5
#: Items that are encoded again, to see how far a margin moves.
_NOISE_ITEMS = 4


@dataclass(frozen=True, eq=False)
class _Scores:
    """Scores [picture, caption] of one item, and those of the mean picture [caption]."""

    item: PairItem
    scores: NDArray[np.float64]
    blind: NDArray[np.float64]


class CaptionTests:
    """Reads an archive, embeds it through the cache, and counts."""

    def __init__(self, parts: Services) -> None:
        self._embedder, self._desk = parts.embedder, parts.pictures
        self._max_bytes = parts.settings.max_upload_mb * 2**20

    def run(self, model_id: str, file: BinaryIO) -> Iterator[CaptionTestProgress | CaptionTestResponse]:
        """Progress, then the report. Everything is checked before the first picture is embedded.

        Raises InvalidInput that names the file or item, UnsupportedModality, UnknownName, PayloadTooLarge.
        """
        started = time.perf_counter()
        info = self._embedder.models.info(model_id)
        if info.pixels is None or not info.reads("text"):
            raise UnsupportedModality(f"Model {model_id!r} does not read pictures and texts: choose one that does.")
        archive = Archive(file, max_bytes=self._max_bytes)
        kind, items, inside = read_items(archive)
        files = _files(items, archive, inside)
        yield CaptionTestProgress(done=0, total=len(items))
        vectors: list[NDArray[np.float32]] = []
        floor = 0.0
        for start in range(0, len(items), CHUNK):
            part = items[start : start + CHUNK]
            decoded = self._desk.decoded(_named(part, files, archive, inside))
            pictures = [_cropped(picture, item) for item, picture in zip(_owners(part), decoded, strict=True)]
            vectors.append(self._embedder.pictures(model_id, pictures).vectors)
            if not start:
                floor = self._floor(model_id, part[:_NOISE_ITEMS], pictures, vectors[0])
            yield CaptionTestProgress(done=min(start + CHUNK, len(items)), total=len(items))
        seen = unit(np.concatenate(vectors))
        edge = max(floor, RESOLUTION)
        scored = self._scored(model_id, items, seen)
        results = [_result(own, edge) for own in scored]
        blind = [bool(_lead(own.blind[None])[0] > edge) for own in scored]
        yield CaptionTestResponse(
            format=kind,
            rows=_rows(results, blind, winoground=kind == "winoground"),
            items=results,
            noise_floor=edge,
            seconds=round(time.perf_counter() - started, 3),
            provenance=provenance(info, dataset=f"{kind} ({len(items)} items)"),
        )

    def _scored(self, model_id: str, items: Sequence[PairItem], seen: NDArray[np.float64]) -> list[_Scores]:
        texts = list(dict.fromkeys(text for item in items for text in item.captions))
        row = {text: number for number, text in enumerate(texts)}
        parts = [self._embedder.texts(model_id, texts[i : i + 1024]).vectors for i in range(0, len(texts), 1024)]
        said = unit(np.concatenate(parts))
        mean = seen.mean(0, keepdims=True)
        out, start = [], 0
        for item in items:
            own = seen[start : start + len(item.pictures)]
            start += len(item.pictures)
            captions = said[[row[text] for text in item.captions]]
            out.append(_Scores(item, cosines(own, captions), cosines(mean, captions)[0]))
        return out

    def _floor(
        self, model_id: str, items: Sequence[PairItem], pictures: Sequence[Picture], known: NDArray[np.float32]
    ) -> float:
        """Largest change of a score when the same inputs are encoded in other batch sizes."""
        texts = list(dict.fromkeys(text for item in items for text in item.captions))
        count = sum(len(item.pictures) for item in items)
        before = cosines(known[:count], self._embedder.texts(model_id, texts).vectors)
        return noise_floor(
            self._embedder,
            model_id,
            lambda encode: cosines(encode(pictures[:count]), encode(texts)),
            before=before,
        )


def read_items(archive: Archive) -> tuple[Format, list[PairItem], dict[str, bytes]]:
    """The items of all annotation files, each file a split, and pictures that lay inside of a Parquet file.

    Raises InvalidInput.
    """
    names = archive.ending(".json", ".jsonl", ".parquet")
    if not names:
        raise InvalidInput("The archive holds no .json, .jsonl or .parquet file with the items of a test.")
    items: list[PairItem] = []
    inside: dict[str, bytes] = {}
    kinds: dict[Format, str] = {}
    for name in sorted(names):
        data = archive.read(name)
        rows = _parquet_rows(data, name, inside) if name.lower().endswith(".parquet") else rows_of(data, name)
        if not rows:
            raise InvalidInput(f"{name} holds no items.")
        items += items_of(rows, name, split=PurePosixPath(name).stem)
        found = format_of(rows)
        if found is not None:
            kinds.setdefault(found, name)
    if len(kinds) > 1:
        listed = ", ".join(f"{name} ({kind})" for kind, name in kinds.items())
        raise InvalidInput(f"The archive holds tests of several formats: {listed}. Send one at a time.")
    return next(iter(kinds)), items, inside


def _parquet_rows(data: bytes, what: str, inside: dict[str, bytes]) -> list[dict[str, Any]]:
    """Rows of a Parquet file; pictures as the hub stores them (bytes and path) are put into ``inside``."""
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[dict[str, Any]] = pq.ParquetFile(io.BytesIO(data)).read().to_pylist()
    except (pa.ArrowException, OSError, MemoryError) as error:
        raise InvalidInput(f"{what} is not a readable Parquet file: write it again.") from error
    for number, row in enumerate(rows):
        for key, value in row.items():
            if isinstance(value, dict) and isinstance(value.get("bytes"), bytes):
                name = f"{what}/{number}/{key}/{value.get('path') or 'picture'}"
                inside[name] = value["bytes"]
                row[key] = {"path": name}
            elif key == "image" and isinstance(value, bytes):
                inside[f"{what}/{number}"] = value
                row[key] = f"{what}/{number}"
    return rows


def _files(items: Sequence[PairItem], archive: Archive, inside: dict[str, bytes]) -> dict[str, str]:
    """Name in an item -> file of the archive: the whole path, the path's end, or the name with or without its ending.

    Raises InvalidInput that lists the missing ones.
    """
    there = archive.ending(*PICTURES)
    by_name: dict[str, list[str]] = {}
    for name in there:
        path = PurePosixPath(name)
        for key in {name, path.name, path.stem}:
            by_name.setdefault(key, []).append(name)
    wanted = dict.fromkeys(name for item in items for name in item.pictures)
    found: dict[str, str] = {}
    missing: list[str] = []
    unclear: list[str] = []
    for name in wanted:
        if name in inside:
            continue
        options = by_name.get(name) or [n for n in by_name.get(PurePosixPath(name).name, []) if n.endswith(name)]
        options = options or by_name.get(PurePosixPath(name).name, [])
        if len(options) == 1:
            found[name] = options[0]
        else:
            (unclear if options else missing).append(name)
    for label, names in (("are not in the archive", missing), ("fit several files of the archive", unclear)):
        if names:
            more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
            raise InvalidInput(f"{len(names)} pictures {label}: {', '.join(map(repr, names[:_LISTED]))}{more}.")
    return found


def _owners(items: Sequence[PairItem]) -> list[PairItem]:
    return [item for item in items for _ in item.pictures]


def _named(
    items: Sequence[PairItem], files: dict[str, str], archive: Archive, inside: dict[str, bytes]
) -> Iterator[tuple[str, bytes]]:
    for item in items:
        for name in item.pictures:
            yield f"Picture {name!r}", inside[name] if name in inside else archive.read(files[name])


def _cropped(picture: Picture, item: PairItem) -> Picture:
    if item.box is None:
        return picture
    left, top, width, height = item.box
    cut = picture[top : top + height, left : left + width]
    if not cut.size:
        raise InvalidInput(f"Item {item.id!r}: its box {list(item.box)} lies outside of the picture.")
    return np.ascontiguousarray(cut)


def _lead(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """First caption's score minus the best of the others, by row of [picture, caption]."""
    lead: NDArray[np.float64] = scores[:, 0] - scores[:, 1:].max(1)
    return lead


def _result(own: _Scores, edge: float) -> PairItemResult:
    item, scores = own.item, own.scores
    if len(item.pictures) == 2:
        texts = np.array([scores[0, 0] - scores[0, 1], scores[1, 1] - scores[1, 0]])
        images = np.array([scores[0, 0] - scores[1, 0], scores[1, 1] - scores[0, 1]])
        margin, text = float(min(texts.min(), images.min())), bool((texts > edge).all())
        image: bool | None = bool((images > edge).all())
        group: bool | None = text and bool(image)
        # A question is lost where a wrong one is ahead, undecided where nothing is but not all right ones are.
        wrong = bool((texts < -edge).any())
    else:
        margin = float(_lead(scores)[0])
        text, image, group, wrong = margin > edge, None, None, margin < -edge
    return PairItemResult(
        id=item.id,
        split=item.split,
        captions=list(item.captions),
        pictures=[PurePosixPath(name).name for name in item.pictures],
        margin=margin,
        outcome="right" if text else "wrong" if wrong else "undecided",
        order_only=item.order_only,
        text=text,
        image=image,
        group=group,
    )


def _rows(results: Sequence[PairItemResult], blind: Sequence[bool], *, winoground: bool) -> list[CaptionTestRow]:
    splits = list(dict.fromkeys(result.split for result in results))
    every = np.ones(len(results), dtype=bool)
    order = np.array([result.order_only for result in results])
    masks: list[tuple[str, RowKind, NDArray[np.bool_]]] = [
        (name, "split", np.array([result.split == name for result in results])) for name in splits
    ]
    if len(splits) > 1:
        masks.append(("all items", "all", every))
    masks.append(("same words, other order", "order_only", order))
    return [
        _row(name, kind, [r for r, own in zip(results, mask, strict=True) if own], np.array(blind)[mask], winoground)
        for name, kind, mask in masks
    ]


def _row(
    name: str, kind: RowKind, own: Sequence[PairItemResult], blind: NDArray[np.bool_], winoground: bool
) -> CaptionTestRow:
    n = len(own)

    def share(hits: int) -> Interval:
        return Interval.of(wilson(hits, n))

    return CaptionTestRow(
        name=name,
        kind=kind,
        accuracy=share(sum(result.text for result in own)),
        undecided=share(sum(result.outcome == "undecided" for result in own)),
        # With two pictures the mean picture cannot be right about both captions.
        blind=share(0 if winoground else int(blind.sum())),
        image=share(sum(bool(result.image) for result in own)) if winoground else None,
        group=share(sum(bool(result.group) for result in own)) if winoground else None,
    )
