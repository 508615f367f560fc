"""What several pages share of their states: kinds of sources and wordings, and forms of earlier links."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Self, get_args

from pydantic import StringConstraints, model_validator

from bindscope.core.errors import InvalidInput
from bindscope.core.wire import ModelId
from bindscope.features.verdicts.schemas import Articles, Orders, VerdictRequest
from bindscope.scenes.captions import Captioner
from bindscope.scenes.sources import DATASET_ID, SourceModel
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.shared.links import Modality, PageState, Spaces, body_of

MODALITIES: tuple[Modality, ...] = get_args(Modality)


DatasetId = Annotated[str, StringConstraints(pattern=DATASET_ID)]


#: As the service makes them; empty for none.
JobId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{0,64}$")]


@dataclass(frozen=True)
class Wording:
    """How scenes become captions. Fields as in ``VerdictRequest``."""

    template: str = "plain"
    articles: Articles = "a"
    orders: Orders = "all"


class WordedState(PageState):
    """A state whose request says how scenes become captions."""

    @model_validator(mode="after")
    def _template_can_be_used(self) -> Self:
        Captioner(self.wording.template, self.wording.articles)
        return self

    @property
    def wording(self) -> Wording:
        """The wording of the request."""
        values = self.values
        return Wording(values["template"], values["articles"], values["orders"])


class ComposeState(WordedState):
    """``second``: the model beside the first; ``guess``: verdicts wait for a guess."""

    request: VerdictRequest
    second: ModelId | None = None
    guess: bool = False

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {"second": "none", **link}

    @property
    def scene(self) -> SceneModel:
        """What is judged."""
        return self.request.scene

    def asks(self, model: str) -> dict[str, Any]:
        """The request to one of the models."""
        return body_of(self.request.model_copy(update={"model": model}))


class SourceState(PageState):
    """A state whose request asks about a source."""

    OPENING: ClassVar[Mapping[str, Any]] = {"modality": "image"}

    @property
    def limit(self) -> int:
        """Most scenes of the source."""
        return int(self.values["limit"])

    @property
    def source(self) -> SourceModel:
        """The source of the request."""
        found: SourceModel = self.request.source  # type: ignore[attr-defined]
        return found


class SceneState(SourceState):
    """A state with a scene of two objects; the space of the source is that of the scene."""

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        found = {name: text for name, text in link.items() if name != "space"}
        return {**found, "space": found["scene"].split("~~")[0]} if found.get("scene") else found

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {name: text for name, text in link.items() if name != "space"}

    def checked(self, link: Mapping[str, str], spaces: Spaces) -> Self:
        count = len(self.values["scene"].objects)
        if count != 2:
            raise InvalidInput(f"This page shows scenes of 2 objects, the link has {count}.")
        return self


def of_percent(link: Mapping[str, str], old: str, name: str) -> dict[str, str]:
    """Links had whole percents in place of a share."""
    found = dict(link)
    text = found.pop(old, None)
    if text is not None:
        if not text.isdecimal():
            raise InvalidInput(f"{old} must be a whole number between 1 and 99, got {text!r}.")
        found[name] = str(int(text) / 100)
    return found


def moved(link: Mapping[str, str], name: str, by: int) -> dict[str, str]:
    """People count from 1."""
    text = link.get(name, "")
    return {**link, name: str(int(text) + by)} if text.isdecimal() else dict(link)


def counted(link: Mapping[str, str], name: str) -> dict[str, str]:
    """A link says how many seeds there are: 0, 1, 2, ..."""
    text = link.get(name, "")
    if not text.isdecimal():
        return dict(link)
    return {**link, name: "~".join(str(n) for n in range(min(int(text), 10_000)))}


def in_order(link: dict[str, str], name: str) -> dict[str, str]:
    """Numbers from small to large; what is none is left for the schema to refuse."""
    try:
        return {**link, name: "~".join(sorted(link[name].split("~"), key=float))} if link.get(name) else link
    except ValueError:
        return link
