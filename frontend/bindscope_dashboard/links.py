"""Links and snippets: the state of a page as query parameters, and a request as cURL and as Python.

A scene is written ``shapes2d~~red~square~0.28~0.5~0.3~~blue~circle~0.72~0.5~0.3``: the space, then each object's values
and place. Values of concepts never hold a tilde, and browsers leave it as it is.
"""

import json
import pprint
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args
from urllib.parse import urlencode

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.features.spaces.schemas import SpaceModel
from bindscope.features.verdicts.schemas import Articles, Orders
from bindscope.scenes.captions import Captioner
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.wire import PlacedObject, SceneModel, from_scene, to_scene

Layout = Literal["random", "slots"]
Control = Literal["none", "shuffled_pixels", "blank"]


@dataclass(frozen=True)
class Wording:
    """How scenes become captions. Fields as in ``VerdictRequest``."""

    template: str = "plain"
    articles: Articles = "a"
    orders: Orders = "all"


@dataclass(frozen=True)
class ComposeState:
    """Everything that the Compose page shows: a link holds all of it. ``second`` is None for one model."""

    scene: SceneModel
    model: str
    second: str | None = None
    wording: Wording = Wording()
    guess: bool = False


@dataclass(frozen=True)
class SurveyState:
    """Everything that the Survey page shows. ``run``: the link shows results, not only the settings."""

    model: str
    space: str = "shapes2d"
    count: int = 200
    seed: int = 0
    objects: int = 2
    layout: Layout = "random"
    only_valid_swaps: bool = False
    control: Control = "none"
    wording: Wording = Wording()
    run: bool = False


def space_of(wire: SpaceModel) -> ConceptSpace:
    """The concept space of a wire space."""
    from bindscope.scenes.concepts import Concept

    concepts = tuple(Concept(c.name, tuple(c.values)) for c in wire.concepts)
    return ConceptSpace(
        wire.name, concepts, wire.phrase, wire.renderable, tuple(wire.articles.items()), tuple(wire.templates)
    )


def placed(scene: SceneModel, space: ConceptSpace) -> SceneModel:
    """The scene, checked, with every place written out. Raises InvalidInput."""
    return from_scene(to_scene(scene, space))


def scene_text(scene: SceneModel, space: ConceptSpace) -> str:
    """The compact form of a scene; places are left out where the space cannot be drawn."""
    parts = [scene.space]
    for obj in scene.objects:
        fields = [obj.values[name] for name in space.names]
        if space.renderable and None not in (obj.x, obj.y, obj.size):
            fields += [f"{number:.10g}" for number in (obj.x, obj.y, obj.size)]
        parts.append("~".join(fields))
    return "~~".join(parts)


def scene_from_text(text: str, spaces: Mapping[str, ConceptSpace]) -> SceneModel:
    """The inverse of ``scene_text``. Raises UnknownName or InvalidInput that say what is wrong."""
    name, *objects = text.split("~~")
    if name not in spaces:
        raise UnknownName("space", name, tuple(spaces))
    space = spaces[name]
    if not 1 <= len(objects) <= 6:
        raise InvalidInput(f"A scene has 1 to 6 objects, got {len(objects)}.")
    return placed(
        SceneModel(space=name, objects=[_object(number, o, space) for number, o in enumerate(objects, 1)]), space
    )


def _object(number: int, text: str, space: ConceptSpace) -> PlacedObject:
    fields = text.split("~")
    count = len(space.names)
    if len(fields) not in (count, count + 3):
        raise InvalidInput(f"Object {number} needs {count} values, and optionally x, y and size.")
    values = dict(zip(space.names, fields, strict=False))
    if len(fields) == count:
        return PlacedObject(values=values)
    try:
        x, y, size = (float(field) for field in fields[count:])
        return PlacedObject(values=values, x=x, y=y, size=size)
    except ValueError as error:
        raise InvalidInput(f"Object {number} needs x, y and size between 0 and 1, got {fields[count:]}.") from error


def compose_query(state: ComposeState, space: ConceptSpace) -> dict[str, str]:
    """Query parameters of the Compose page; what has its default value is left out."""
    query = {"scene": scene_text(state.scene, space), "model": state.model, "second": state.second or "none"}
    query |= _wording_query(state.wording)
    if state.guess:
        query["guess"] = "1"
    return query


def compose_from_query(
    query: Mapping[str, str], default: ComposeState, *, spaces: Mapping[str, ConceptSpace]
) -> ComposeState:
    """The state in a link; what the link leaves out comes from ``default``. Raises InvalidInput."""
    scene = scene_from_text(query["scene"], spaces) if "scene" in query else default.scene
    second = query.get("second", default.second)
    return ComposeState(
        scene=scene,
        model=query.get("model") or default.model,
        second=None if second in (None, "", "none") else second,
        wording=_wording(query),
        guess=query.get("guess") == "1",
    )


def survey_query(state: SurveyState) -> dict[str, str]:
    """Query parameters of the Survey page; what has its default value is left out."""
    query = {"model": state.model, "space": state.space, "count": str(state.count), "seed": str(state.seed)}
    plain = SurveyState(model=state.model)
    if state.objects != plain.objects:
        query["objects"] = str(state.objects)
    if state.layout != plain.layout:
        query["layout"] = state.layout
    if state.only_valid_swaps:
        query["only_valid_swaps"] = "1"
    if state.control != plain.control:
        query["control"] = state.control
    query |= _wording_query(state.wording)
    if state.run:
        query["run"] = "1"
    return query


def survey_from_query(query: Mapping[str, str], default: SurveyState) -> SurveyState:
    """The state in a link. Raises InvalidInput or UnknownName."""
    return replace(
        default,
        model=query.get("model") or default.model,
        space=query.get("space") or default.space,
        count=whole(query, "count", default.count, low=1, high=5000),
        seed=whole(query, "seed", default.seed, low=0, high=2**31 - 1),
        objects=whole(query, "objects", default.objects, low=1, high=6),
        layout=cast(Layout, one_of(query, "layout", default.layout, get_args(Layout))),
        control=cast(Control, one_of(query, "control", default.control, get_args(Control))),
        only_valid_swaps=query.get("only_valid_swaps") == "1",
        wording=_wording(query),
        run=query.get("run") == "1",
    )


def link(base: str, query: Mapping[str, str]) -> str:
    """The whole address. ``base`` may already hold a query: it is replaced."""
    return f"{base.split('?', 1)[0]}?{urlencode(query)}"


def verdict_body(model: str, scene: SceneModel, wording: Wording) -> dict[str, Any]:
    """The request of one verdict, as JSON values."""
    return {"model": model, "scene": scene.model_dump(mode="json", exclude_none=True), **wording_options(wording)}


def wording_options(wording: Wording) -> dict[str, str]:
    """The wording as options of the client's methods."""
    return {"template": wording.template, "articles": wording.articles, "orders": wording.orders}


def survey_body(state: SurveyState) -> dict[str, Any]:
    """The request of a survey, as JSON values."""
    return {
        "model": state.model,
        "space": state.space,
        "count": state.count,
        "seed": state.seed,
        "objects": state.objects,
        "layout": state.layout,
        "only_valid_swaps": state.only_valid_swaps,
        "control": state.control,
        **wording_options(state.wording),
    }


def as_curl(url: str, path: str, body: Mapping[str, Any], *, with_key: bool = False) -> str:
    """A command line that sends the request. The key itself is never written: it stays in its variable."""
    lines = [f"curl -s {shlex.quote(url + path)}", "-H 'Content-Type: application/json'"]
    if with_key:
        lines.append('-H "Authorization: Bearer $BINDSCOPE_API_KEY"')
    lines.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def as_python(url: str, method: str, body: Mapping[str, Any], *, with_key: bool = False) -> str:
    """A script that sends the request with the client and prints the answer."""
    key = ', os.environ["BINDSCOPE_API_KEY"]' if with_key else ""
    arguments = ",\n".join(
        f"        {name}={pprint.pformat(value, width=88, sort_dicts=False)}".replace("\n", "\n        ")
        for name, value in body.items()
    )
    return (
        ("import os\n\n" if with_key else "")
        + "from bindscope.client import BindscopeClient\n\n"
        + f"with BindscopeClient({url!r}{key}) as client:\n    answer = client.{method}(\n{arguments},\n    )\n\n"
        + "print(answer.model_dump_json(indent=2))\n"
    )


def _wording_query(wording: Wording) -> dict[str, str]:
    plain = Wording()
    given = wording_options(wording)
    return {name: value for name, value in given.items() if value != getattr(plain, name)}


def _wording(query: Mapping[str, str]) -> Wording:
    template = query.get("template") or "plain"
    articles = one_of(query, "articles", "a", get_args(Articles))
    Captioner(template, articles)
    return Wording(template, cast(Articles, articles), cast(Orders, one_of(query, "orders", "all", get_args(Orders))))


def one_of(query: Mapping[str, str], name: str, default: str, known: tuple[str, ...]) -> str:
    """A parameter that has to be one of the known names. Raises UnknownName."""
    value = query.get(name) or default
    if value not in known:
        raise UnknownName(name, value, known)
    return value


def whole(query: Mapping[str, str], name: str, default: int, *, low: int, high: int) -> int:
    """A parameter that has to be a whole number. Raises InvalidInput."""
    text = query.get(name)
    if text is None:
        return default
    try:
        number = int(text)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise InvalidInput(f"{name} must be a whole number between {low} and {high}, got {text!r}.")
    return number


def in_words(scene: SceneModel) -> str:
    """The objects of a scene, from the wire: ``red square, blue circle``."""
    return ", ".join(" ".join(obj.values.values()) for obj in scene.objects)
