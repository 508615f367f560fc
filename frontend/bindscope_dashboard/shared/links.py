"""The state of a page as the parameters of a link, and back.

A state is the request that the page sends, and a little beside it. Each field of both is one parameter; names, bounds
and defaults are those of the schemas, and what has its default stays out of the link. Items of a list are parted by a
tilde, as the values of a scene are (``scene_text``); browsers leave it as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, is_dataclass
from dataclasses import fields as dataclass_fields
from dataclasses import replace as dataclass_replace
from functools import cache
from types import UnionType
from typing import Any, ClassVar, Literal, Self, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticUndefined

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.sources import SourceModel
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.shared.scene_text import scene_from_text, scene_text

Modality = Literal["image", "text"]
Spaces = Mapping[str, ConceptSpace]
_Part = TypeVar("_Part")
_State = TypeVar("_State", bound="PageState")
#: Fields whose own fields stand in the link beside those of the state.
_PARTS = frozenset({"request", "source", "config"})
#: Always in the link, also where they have their default: a reader sees what it is about.
_ALWAYS = frozenset({"model", "models", "space", "modality"})


class PageState(BaseModel):
    """Everything that a page shows, and so everything that its link holds. Frozen: ``changed`` makes another one."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    #: What a page opens with in place of the request's own default, such as fewer scenes for an early answer.
    OPENING: ClassVar[Mapping[str, Any]] = {}
    #: Fields that are never in the link.
    HIDDEN: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def of(cls, **values: Any) -> Self:
        """A state by its fields, wherever they stand. Raises InvalidInput."""
        return _built(cls, {**cls.OPENING, **values})

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        """The parameters of a link by field: what earlier versions wrote becomes what is written today."""
        return dict(link)

    def written(self, link: dict[str, str]) -> dict[str, str]:
        """The parameters as they stand in the link."""
        return link

    def checked(self, link: Mapping[str, str], spaces: Spaces) -> Self:
        """The state of a link, with what only its concept space can tell. Raises InvalidInput."""
        return self

    def changed(self, **values: Any) -> Self:
        """The same with other values of some fields, wherever they stand. Not checked: widgets keep to the schema."""
        return _changed(self, values)

    @property
    def body(self) -> dict[str, Any]:
        """The request as it is sent."""
        return body_of(cast(BaseModel, vars(self)["request"]))

    @property
    def values(self) -> dict[str, Any]:
        """The value of every field of the link."""
        return {field.name: field.value(self) for field in _fields(type(self))}

    @property
    def model(self) -> str:
        """The model that is asked."""
        return str(self.values["model"])

    @property
    def space(self) -> str:
        """The concept space, or the upload that stands for one."""
        return str(self.values["space"])

    @property
    def modality(self) -> Modality:
        """What is embedded."""
        return cast(Modality, self.values["modality"])


def body_of(request: BaseModel) -> dict[str, Any]:
    """A request as JSON values: the space, and what differs from its default."""
    named = {name: getattr(request, name, None) for name in ("model", "models", "space")}
    said = {name: value for name, value in named.items() if value is not None}
    return {**said, **request.model_dump(mode="json", exclude_defaults=True)}


def query_of(state: PageState, spaces: Spaces, plain: Mapping[str, Any] | None = None) -> dict[str, str]:
    """The parameters of a link. ``plain``: what a link without them means where it is not the request's default."""
    plain = plain or {}
    values, defaults = state.values, {**type(state).OPENING, **plain}
    link: dict[str, str] = {}
    for field in sorted(_fields(type(state)), key=lambda field: field.name not in _ALWAYS):
        value = values[field.name]
        always = field.name in _ALWAYS and field.name not in plain
        told = always or value != defaults.get(field.name, field.default)
        if told and value is not None and field.name not in state.HIDDEN:
            link |= _texts(field.name, value, spaces, space=values.get("space"))
    return state.written(link)


def state_of(link: Mapping[str, str], default: _State, spaces: Spaces) -> _State:
    """The state in a link; what it leaves out comes from ``default``. Raises InvalidInput or UnknownName."""
    kind = type(default)
    given = kind.read(link)
    values = default.values
    for field in _fields(kind):
        if field.name not in kind.HIDDEN:
            values[field.name] = _read(field, given, values, spaces)
    return _built(kind, values).checked(link, spaces)


# ---- the fields of a state ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Field:
    """``path``: the parts that lead to it. ``default`` is undefined where there is none."""

    name: str
    path: tuple[str, ...]
    kind: Any
    default: Any

    def value(self, state: object) -> Any:
        for part in (*self.path, self.name):
            state = getattr(state, part)
        return state


@cache
def _fields(kind: type, path: tuple[str, ...] = ()) -> list[_Field]:
    """The fields that can stand in a link; of two with one name, the one nearer to the state."""
    found: dict[str, _Field] = {}
    inner: list[tuple[str, type]] = []
    for name, annotation, default in _declared(kind):
        if name in _PARTS and (is_dataclass(annotation) or _is_model(annotation)):
            inner.append((name, annotation))
        elif _fits_a_link(annotation):
            found[name] = _Field(name, path, annotation, default)
    for name, annotation in inner:
        for field in _fields(annotation, (*path, name)):
            found.setdefault(field.name, field)
    return list(found.values())


def _declared(kind: type) -> Iterator[tuple[str, Any, Any]]:
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        yield from ((field.name, hints[field.name], field.default) for field in dataclass_fields(kind))
    else:
        for name, info in cast(type[BaseModel], kind).model_fields.items():
            if not info.exclude:
                yield (
                    name,
                    info.annotation,
                    info.get_default(call_default_factory=True) if not info.is_required() else PydanticUndefined,
                )


def _is_model(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _options(annotation: Any) -> tuple[Any, ...]:
    """The members of a union without None; the annotation itself where it is none."""
    if get_origin(annotation) in (Union, UnionType):
        return tuple(own for own in get_args(annotation) if own is not type(None))
    return (annotation,)


def _fits_a_link(annotation: Any) -> bool:
    """Texts, numbers, choices, lists of them, a scene, a source beside the first."""
    (own, *others) = _options(annotation)
    if others or (_is_model(own) and own not in (SceneModel, SourceModel)):
        return False
    return not (get_origin(own) is list and any(_is_model(item) for item in get_args(own)))


# ---- from values to texts -----------------------------------------------------------------------------------


def _texts(name: str, value: Any, spaces: Spaces, *, space: str | None) -> dict[str, str]:
    if isinstance(value, SourceModel):
        own = {"model": value.model, "space": value.space, "modality": value.modality}
        if value.limit != SourceModel.model_fields["limit"].default:
            own["limit"] = str(value.limit)
        return {f"{name}_{part}": str(text) for part, text in own.items()}
    return {name: _text(name, value, spaces, space=space)}


def _text(name: str, value: Any, spaces: Spaces, *, space: str | None) -> str:
    if isinstance(value, SceneModel):
        return scene_text(value, spaces[value.space])
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, Mapping):
        return "~".join(value[concept] for concept in spaces[str(space)].names)
    if isinstance(value, list | tuple):
        return _between(name).join(_text(name, item, spaces, space=space) for item in value)
    return str(value)


def _between(name: str) -> str:
    """What parts the items of a list: ids of models may hold a tilde."""
    return " " if name == "models" else "~"


# ---- from texts to values -----------------------------------------------------------------------------------


def _read(field: _Field, link: Mapping[str, str], values: Mapping[str, Any], spaces: Spaces) -> Any:
    own = _options(field.kind)[0]
    if own is SourceModel:
        return _read_source(field, link, values, spaces)
    text = link.get(field.name)
    can_be_none = type(None) in get_args(field.kind)
    if text is None or (text == "" and not can_be_none):
        return values[field.name]
    if can_be_none and text in ("", "none"):
        return None
    if field.name == "space" and text not in spaces:
        raise UnknownName("space", text, tuple(spaces))
    if own is SceneModel:
        return scene_from_text(text, spaces)
    if get_origin(own) is dict:
        return _read_object(field.name, text, spaces[link.get("space") or values["space"]])
    if get_origin(own) is Literal:
        known = {str(option): option for option in get_args(own)}
        if text not in known:
            raise UnknownName(field.name, text, tuple(known))
        return known[text]
    if get_origin(own) in (list, tuple):
        return [item for item in dict.fromkeys(text.split(_between(field.name))) if item]
    return text


def _read_object(name: str, text: str, space: ConceptSpace) -> dict[str, str]:
    found = text.split("~")
    if len(found) != len(space.names):
        raise InvalidInput(f"The {name} needs {len(space.names)} values, got {len(found)}.")
    return space.named(space.index(dict(zip(space.names, found, strict=True))))


def _read_source(field: _Field, link: Mapping[str, str], values: Mapping[str, Any], spaces: Spaces) -> Any:
    """A source beside the first one; what the link leaves out of it is as in the first one."""
    prefix = f"{field.name}_"
    given = {name.removeprefix(prefix): text for name, text in link.items() if name.startswith(prefix)}
    if "model" not in given:
        return values[field.name] if "model" not in link else None
    if given.get("space") and given["space"] not in spaces:
        raise UnknownName("space", given["space"], tuple(spaces))
    names = ("model", "space", "modality", "limit")
    first = (
        {name: values[name] for name in names}
        if values[field.name] is None
        else values[field.name].model_dump(exclude_none=True)
    )
    return {**first, **{name: given[name] for name in names if given.get(name)}}


def _built(kind: type[_State], values: Mapping[str, Any]) -> _State:
    nested: dict[str, Any] = {}
    for field in _fields(kind):
        place = nested
        for part in field.path:
            place = place.setdefault(part, {})
        if field.name in values:
            place[field.name] = values[field.name]
    try:
        return kind.model_validate(nested)
    except ValidationError as error:
        raise InvalidInput(_sentence(error)) from error


def _sentence(error: ValidationError) -> str:
    """What is wrong with the first wrong field."""
    found = error.errors()[0]
    own = (found.get("ctx") or {}).get("error")
    if own is not None:
        return str(own)
    name = next((str(part) for part in reversed(found["loc"]) if isinstance(part, str)), "link")
    return f"{name}: {found['msg']}, got {found['input']!r}."


def _changed(part: _Part, values: Mapping[str, Any]) -> _Part:
    """A copy with other values, each where its field is."""
    paths = {field.name: field.path for field in _fields(cast(Any, type(part)))}
    here = {name: value for name, value in values.items() if not paths[name]}
    for inner in {path[0] for name in values if (path := paths[name])}:
        own = {name: value for name, value in values.items() if paths[name][:1] == (inner,)}
        here[inner] = _changed(getattr(part, inner), own)
    if isinstance(part, BaseModel):
        return cast(_Part, part.model_copy(update=here))
    return dataclass_replace(part, **here)  # type: ignore[type-var]
