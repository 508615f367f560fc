"""Links of the Complexity page, and the requests that its state stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

from bindscope.core.errors import InvalidInput
from bindscope.core.specs import ComplexityCell
from bindscope.scenes.concepts import ConceptSpace
from bindscope_dashboard.geometry_links import (
    LIMIT,
    Modality,
    dataset_in,
    limit_in,
    modality_in,
    source_body,
    space_in,
)
from bindscope_dashboard.links import one_of, whole

Measure = Literal["binding", "r2", "object", "object_on_valid_swaps", "concepts"]
MEASURES: tuple[Measure, ...] = get_args(Measure)
MAX_SEEDS = 64
#: Ids of jobs, as the service makes them.
_ID = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


@dataclass(frozen=True)
class Source:
    """What is fitted: a model, a space and a modality, or an upload in their place."""

    model: str
    space: str
    modality: Modality = "image"
    dataset: str | None = None
    limit: int = LIMIT


@dataclass(frozen=True)
class ComplexityState:
    """Everything that the Complexity page shows. ``seeds``: how many, counted from 0; ``jobs``: one for each source."""

    first: Source
    second: Source | None = None
    kinds: tuple[str, ...] = ("additive", "per_object_product", "global_product", "mlp:256")
    coverages: tuple[float, ...] = (0.2, 0.4, 0.6, 0.8)
    seeds: int = 3
    measure: Measure = "binding"
    jobs: tuple[str, ...] = ()

    @property
    def sources(self) -> tuple[Source, ...]:
        """One or two."""
        return (self.first,) if self.second is None else (self.first, self.second)

    @property
    def fits(self) -> int:
        """Fits of one source."""
        return len(self.kinds) * len(self.coverages) * self.seeds


def source_fields(source: Source) -> dict[str, Any]:
    """The source, as JSON values."""
    if source.dataset:
        return {"dataset": source.dataset}
    return source_body(source.model, source.space, source.modality, limit=source.limit)


def source_title(fields: Mapping[str, Any]) -> str:
    """A source in words, from the request of its job."""
    if fields.get("dataset"):
        return f"upload {str(fields['dataset'])[:8]}"
    return f"{fields.get('model')}, {fields.get('modality')}, {fields.get('space')}"


def complexity_body(state: ComplexityState, source: Source) -> dict[str, Any]:
    """The request for one source, as JSON values."""
    return {
        "source": source_fields(source),
        "kinds": list(state.kinds),
        "coverages": list(state.coverages),
        "seeds": list(range(state.seeds)),
    }


def complexity_query(state: ComplexityState) -> dict[str, str]:
    """Query parameters of the page; what has its default value is left out."""
    query = dict(zip(("job", "second_job"), state.jobs, strict=False)) | _source_query(state.first, "")
    if state.second is not None:
        query |= _source_query(state.second, "second_")
    plain = ComplexityState(state.first)
    if state.kinds != plain.kinds:
        query["kinds"] = "~".join(state.kinds)
    if state.coverages != plain.coverages:
        query["coverages"] = "~".join(f"{c:g}" for c in state.coverages)
    if state.seeds != plain.seeds:
        query["seeds"] = str(state.seeds)
    return query | ({} if state.measure == plain.measure else {"figure": state.measure})


def _source_query(source: Source, prefix: str) -> dict[str, str]:
    query = {"model": source.model, "space": source.space, "modality": source.modality}
    if source.dataset:
        query["dataset"] = source.dataset
    if source.limit != LIMIT:
        query["limit"] = str(source.limit)
    return {prefix + name: value for name, value in query.items()}


def complexity_from_query(
    query: Mapping[str, str], default: ComplexityState, spaces: Mapping[str, ConceptSpace]
) -> ComplexityState:
    """The state in a link; what it leaves out comes from ``default``. Raises InvalidInput or UnknownName."""
    second = default.second
    if "second_model" in query:
        named = {name.removeprefix("second_"): value for name, value in query.items() if name.startswith("second_")}
        second = _source(named, second or default.first, spaces)
    elif "model" in query:
        second = None
    kinds = tuple(dict.fromkeys(query["kinds"].split("~"))) if query.get("kinds") else default.kinds
    coverages = coverages_in(query, default.coverages)
    for kind in kinds:
        ComplexityCell(kind, coverages[0])
    return replace(
        default,
        first=_source(query, default.first, spaces),
        second=second,
        kinds=kinds,
        coverages=coverages,
        seeds=whole(query, "seeds", default.seeds, low=1, high=MAX_SEEDS),
        measure=cast(Measure, one_of(query, "figure", default.measure, MEASURES)),
        jobs=tuple(job_in(query, name) for name in ("job", "second_job") if query.get(name)),
    )


def _source(query: Mapping[str, str], default: Source, spaces: Mapping[str, ConceptSpace]) -> Source:
    return Source(
        model=query.get("model") or default.model,
        space=space_in(query, default.space, spaces),
        modality=modality_in(query, default.modality),
        dataset=dataset_in(query) or (None if "model" in query else default.dataset),
        limit=limit_in(query, default.limit),
    )


def coverages_in(query: Mapping[str, str], default: tuple[float, ...]) -> tuple[float, ...]:
    """The coverages of a link, in order. Raises InvalidInput."""
    text = query.get("coverages")
    if not text:
        return default
    try:
        found = {float(part) for part in text.split("~")}
    except ValueError:
        found = {0.0}
    if not all(0 < value < 1 for value in found):
        raise InvalidInput(f"coverages are shares between 0 and 1, such as 0.2~0.4, got {text!r}.")
    return tuple(sorted(found))


def job_in(query: Mapping[str, str], name: str = "job") -> str:
    """The id of a job in a link; empty where there is none. Raises InvalidInput."""
    text = query.get(name, "")
    if not set(text) <= _ID or len(text) > 64:
        raise InvalidInput(f"A job has an id of letters, digits and hyphens, got {text!r}.")
    return text


def with_request(state: ComplexityState, requests: Sequence[Mapping[str, Any]]) -> ComplexityState:
    """The settings that the shown jobs were started with."""
    sources = [_source_of(request["source"], state.first) for request in requests[:2]]
    first = requests[0]
    return replace(
        state,
        first=sources[0],
        second=sources[1] if len(sources) > 1 else None,
        kinds=tuple(first["kinds"]),
        coverages=tuple(sorted(float(c) for c in first["coverages"])),
        seeds=len(first["seeds"]),
    )


def _source_of(fields: Mapping[str, Any], default: Source) -> Source:
    if fields.get("dataset"):
        return replace(default, dataset=str(fields["dataset"]))
    modality = cast(Modality, fields["modality"])
    return Source(str(fields["model"]), str(fields["space"]), modality, limit=int(fields.get("limit") or LIMIT))
