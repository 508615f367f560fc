"""The session and the address bar: the only module that reads or writes either.

A page's state lives in the session and is mirrored to the address. Pages read the address only in a run of the whole
script (a link, the back button, another page), never in the reruns of their own fragments: those carry the address of
the moment when the reader acted, which a fast series of edits has already left behind.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

import streamlit as st

from bindscope.client.bundles import Bundle
from bindscope.features.surveys.schemas import VerdictBatch
from bindscope.scenes.concepts import ConceptSpace
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.shared import own_data
from bindscope_dashboard.shared.states import ComposeState

_State = TypeVar("_State")


def is_dark() -> bool:
    """Whether the reader's page is dark."""
    return st.context.theme.type == "dark"


def figure_format() -> str:
    """What the camera button of a figure saves: ``svg`` or ``png``."""
    return str(st.session_state.get("share.format") or "SVG").lower()


def page_url() -> str:
    """Address of the page, without a query."""
    url = (st.context.url or "").split("?", 1)[0]
    return url if url.count("/") > 2 else f"{url}/"


def incoming(page: str) -> dict[str, str] | None:
    """The query of the address if it is not the one that this page wrote last. Marks it as taken over."""
    query = st.query_params.to_dict()
    if not query or query == st.session_state.get(f"{page}.written"):
        return None
    st.session_state[f"{page}.written"] = query
    return query


def mirror(page: str, query: Mapping[str, str]) -> None:
    """Writes the query to the address, if it differs."""
    st.session_state[f"{page}.written"] = dict(query)
    if st.query_params.to_dict() != query:
        st.query_params.from_dict(dict(query))


def _kept(key: str, make: Callable[[], _State]) -> _State:
    if key not in st.session_state:
        st.session_state[key] = make()
    return cast(_State, st.session_state[key])


def shown(page: str) -> Any:
    """What a page shows; None before its first run."""
    return st.session_state.get(f"{page}.shown")


def keep_shown(page: str, new: object) -> None:
    """What the page shows after this run's widgets."""
    st.session_state[f"{page}.shown"] = new


def pickers_revision(page: str) -> int:
    """Counts the scenes that a page gave to its pickers: their widgets are made anew for each."""
    return cast(int, st.session_state.get(f"{page}.pickers", 0))


def renew_pickers(page: str) -> None:
    """The pickers take over the scene of the page's state."""
    st.session_state[f"{page}.pickers"] = pickers_revision(page) + 1


def register_pages(pages: Mapping[str, Any]) -> None:
    """Keeps the pages of the navigation, so that one can open another."""
    st.session_state["pages"] = dict(pages)


def page_names() -> list[str]:
    """Pages of the navigation."""
    return list(st.session_state["pages"])


def page_named(name: str) -> Any:
    """A page of the navigation."""
    return st.session_state["pages"][name]


# ---- the tour ----------------------------------------------------------------------------------------------


def tour_step() -> int | None:
    """The step of the tour; beyond its steps where it is over, None before anything is known."""
    return cast("int | None", st.session_state.get("tour"))


def set_tour(step: int) -> None:
    """Goes to a step; -1 ends the tour."""
    st.session_state["tour"] = step


# ---- bundles ------------------------------------------------------------------------------------------------

#: Answers that are kept for a bundle: more than any page asks for at once.
_NOTED = 200


def bundle() -> Bundle | None:
    """The bundle that is open, if one is."""
    return cast("Bundle | None", st.session_state.get("bundle"))


def open_bundle(new: Bundle | None) -> None:
    """Opens a bundle, or closes the one that is open."""
    st.session_state["bundle"] = new
    st.session_state["survey.results"] = {}


def bundled_answer(name: str) -> bytes | None:
    """What the open bundle holds for a request."""
    found = bundle()
    return None if found is None else found.answers.get(name)


def note_answer(name: str, answer: Any) -> None:
    """Remembers an answer of this session; the oldest are forgotten."""
    noted = noted_answers()
    noted.pop(name, None)
    noted[name] = answer
    while len(noted) > _NOTED:
        noted.pop(next(iter(noted)))


def noted_answers() -> dict[str, Any]:
    """Answers of this session, the latest last. A page that opens starts anew."""
    return _kept("bundle.noted", dict)


def last_answer(path: str) -> tuple[tuple[str, str], Any] | None:
    """The last answer to a question that tells how far it is, with the address and the request it belongs to."""
    return cast("tuple[tuple[str, str], Any] | None", st.session_state.get(f"last.{path}"))


def keep_last_answer(path: str, last: tuple[tuple[str, str], Any]) -> None:
    """Keeps one such answer; a figure of many scenes is not asked again because the page was drawn again."""
    st.session_state[f"last.{path}"] = last


def start_notes(page: str) -> None:
    """Forgets the answers of another page."""
    if st.session_state.get("bundle.page") != page:
        st.session_state["bundle.page"] = page
        st.session_state["bundle.noted"] = {}


# ---- widgets ------------------------------------------------------------------------------------------------


def seed_widgets(values: Mapping[str, object]) -> None:
    """Gives widgets their values where they have none: on the first run, and on coming back to the page."""
    for key, value in values.items():
        if key not in st.session_state:
            st.session_state[key] = value


def set_widgets(values: Mapping[str, object]) -> None:
    """Sets widgets that this run has not shown yet."""
    for key, value in values.items():
        st.session_state[key] = value


def widget(key: str) -> Any:
    """The value of a widget."""
    return st.session_state[key]


def has_widget(key: str) -> bool:
    """Whether the widget has a value."""
    return key in st.session_state


# ---- Compose ------------------------------------------------------------------------------------------------


def compose() -> ComposeState | None:
    """What Compose shows; None before its first run."""
    return cast("ComposeState | None", st.session_state.get("compose"))


def keep_compose(new: ComposeState) -> None:
    """The state after this run's widgets."""
    st.session_state["compose"] = new


def load_scene(scene: SceneModel) -> None:
    """Replaces the scene; the editor takes it over (and can undo it)."""
    old = compose()
    if old is not None:
        st.session_state["compose"] = old.changed(scene=own_data.shown(scene))
    st.session_state["compose.revision"] = revision() + 1


def revision() -> int:
    """Counts the scenes that Python gave to the editor."""
    return cast(int, st.session_state.get("compose.revision", 0))


def is_new_edit(edit: Mapping[str, Any]) -> bool:
    """Whether the editor's message is about the present revision and not taken yet; marks it as taken."""
    number = (edit.get("revision"), edit.get("edit"))
    if number[0] != revision() or st.session_state.get("compose.edit") == number:
        return False
    st.session_state["compose.edit"] = number
    return True


def is_dragging(key: str) -> bool:
    """Whether the editor's last message came from the middle of a drag: no entry of the browser's history each."""
    edit = (st.session_state.get(key) or {}).get("scene") or {}
    return bool(edit.get("live"))


def next_random() -> int:
    """Seed of the next random scene: 1, 2, 3, ... in each session."""
    st.session_state["compose.random"] = int(st.session_state.get("compose.random", 0)) + 1
    return cast(int, st.session_state["compose.random"])


def switch_on(name: str, value: str | None) -> None:
    """Remembers which request an answer on demand belongs to (a gallery, a counterexample)."""
    st.session_state[f"on.{name}"] = value


def is_on(name: str) -> str | None:
    """The request that was switched on."""
    return cast("str | None", st.session_state.get(f"on.{name}"))


def guesses() -> dict[str, tuple[str, bool]]:
    """Guesses of this session by what was guessed: the guess, and whether it was right."""
    return _kept("compose.guesses", dict)


# ---- Survey -------------------------------------------------------------------------------------------------


def survey_results() -> dict[str, VerdictBatch]:
    """Results of this session by request."""
    return _kept("survey.results", dict)


def spaces_of_session(spaces: Mapping[str, ConceptSpace]) -> list[str]:
    """Names of the spaces, those that can be drawn first."""
    return sorted(spaces, key=lambda name: (not spaces[name].renderable, name != "shapes2d", name))
