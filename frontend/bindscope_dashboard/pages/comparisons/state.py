"""What Compare shows."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from bindscope.core.errors import InvalidInput
from bindscope.features.comparisons.schemas import ComparisonRequest
from bindscope_dashboard.shared.links import PageState, Spaces, body_of


class CompareState(PageState):
    """``pair``: numbers of the two models whose disagreements are shown."""

    OPENING: ClassVar[Mapping[str, Any]] = {"count": 200}
    request: ComparisonRequest
    pair: tuple[int, int] = (0, 1)

    @classmethod
    def read(cls, link: Mapping[str, str]) -> dict[str, str]:
        if "pair" not in link:
            return dict(link)
        first, _, second = link["pair"].partition("-")
        if not (first.isdecimal() and second.isdecimal()):
            raise InvalidInput(f"pair names two models by number, such as 1-2, got {link['pair']!r}.")
        return {**link, "pair": f"{int(first) - 1}~{int(second) - 1}"}

    def written(self, link: dict[str, str]) -> dict[str, str]:
        return {**link, "pair": "-".join(str(n + 1) for n in self.pair)} if "pair" in link else link

    def checked(self, link: Mapping[str, str], spaces: Spaces) -> Self:
        count = len(self.models)
        if "pair" in link and (self.pair[0] == self.pair[1] or not all(0 <= n < count for n in self.pair)):
            raise InvalidInput(f"pair names two different ones of {count} models, got {link['pair']!r}.")
        return self

    @property
    def models(self) -> list[str]:
        """The models of the board."""
        return list(self.request.models)

    @property
    def differing(self) -> dict[str, Any]:
        """The request for the scenes on which the two models of the pair differ."""
        body = body_of(self.request) | {"models": [self.models[number] for number in self.pair]}
        return {name: value for name, value in body.items() if name not in ("repair", "limit")}
