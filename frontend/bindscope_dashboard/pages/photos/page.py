"""Photo: one photo, two captions. Which does a model prefer?

How it is used: somebody drops a photo and writes what it shows: "a red shoe and a blue bag". The page offers the
caption with the adjectives exchanged; they may change it. Two models answer side by side, with their margins. Nothing
of the photo is kept, and the link carries the captions only.
"""

import base64
from collections.abc import Sequence

import streamlit as st

from bindscope.client import ApiError, ServiceUnreachable
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.photos.schemas import PhotoVerdict
from bindscope.features.verdicts.findings import signed
from bindscope.scenes.exchanges import exchanges, same_words
from bindscope_dashboard.pages.photos.state import PhotoState
from bindscope_dashboard.shared import service, state, tables
from bindscope_dashboard.shared.html import Html, joined, tag
from bindscope_dashboard.shared.links import query_of
from bindscope_dashboard.shared.opening import opened
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.share import share_popover
from bindscope_dashboard.shared.wording import literal, score, tiny

PAGE = "photo"
NO_SECOND = "none"
_FIRST = "a red shoe and a blue bag"
_PAIR = ("bundled:tiny-bag", "bundled:tiny-bind")
_SAID = {
    "binds": ("✓", "Prefers the true caption"),
    "swaps": ("⇄", "Prefers the other caption"),
    "undecided": ("≈", "Cannot tell them apart"),
    "no_valid_swap": ("–", "The captions are the same"),
}


def page() -> None:
    """The page of the navigation."""
    with explained():
        models = seeing(service.models())
        opened(PAGE, lambda: first_state(models), widgets=_widgets)
        _desk()


def seeing(models: Sequence[ModelSummary]) -> list[str]:
    """Models of pictures and texts."""
    return [m.id for m in models if m.available and {"image", "text"} <= set(m.modalities) and m.family in _OF_PIXELS]


_OF_PIXELS = ("bundled", "open_clip", "hf", "repaired", "random")


def first_state(models: Sequence[str]) -> PhotoState:
    """What a new user sees."""
    pair = _PAIR if set(_PAIR) <= set(models) else (models[0] if models else "", None)
    return PhotoState.of(caption=_FIRST, model=pair[0], second=pair[1])


def _widgets(shown: PhotoState) -> dict[str, object]:
    return {
        "photo.caption": shown.request.caption,
        "photo.other": shown.request.other,
        "photo.model": shown.model,
        "photo.second": shown.second or NO_SECOND,
    }


@st.fragment
def _desk() -> None:
    with explained():
        shown: PhotoState | None = state.shown(PAGE)
        if shown is None:
            st.rerun()
            return
        known = seeing(service.models())
        left, right = st.columns([5, 6], gap="medium")
        with left:
            file = st.file_uploader("Photo", type=["png", "jpg", "jpeg", "webp"], key="photo.file")
            if file is not None:
                st.html(_shown(file.getvalue(), file.type))
        with right:
            caption = st.text_input("What it shows (the true caption)", key="photo.caption", max_chars=500)
            other = _other(caption)
            with st.container(horizontal=True):
                options = known if shown.model in known else [*known, shown.model]
                model = st.selectbox("Model", options, key="photo.model", accept_new_options=True, width=220)
                others = [NO_SECOND, *known]
                others = others if (shown.second or NO_SECOND) in others else [*others, str(shown.second)]
                second = st.selectbox("Beside it", others, key="photo.second", accept_new_options=True, width=220)
            chosen = shown.changed(
                caption=caption, other=state.widget("photo.other").strip(), model=model or shown.model,
                second=None if second in (None, NO_SECOND) else second,
            )  # fmt: skip
            state.keep_shown(PAGE, chosen)
            query = query_of(chosen, {})
            state.mirror(PAGE, query)
            with st.container(horizontal=True):
                share_popover(query, [], path="/v1/photos/verdict", method="photo_verdict", key="photo.share")
            if not caption.strip() or not other:
                st.info("Write two captions: a true one, and one that says something else.", icon=":material/edit:")
                return
            if same_words(caption, other):
                st.caption("The same words in another order: only a model that reads order can tell them apart.")
            if file is None:
                st.info("Drop a photo on the left to see which caption each model prefers.", icon=":material/upload:")
                return
            names = [chosen.model, *([chosen.second] if chosen.second else [])]
            for column, name in zip(st.columns(len(names)), names, strict=True):
                with column, st.container(border=True):
                    _answer(name, file.getvalue(), (caption.strip(), other))


def _shown(photo: bytes, kind: str) -> Html:
    source = f"data:{kind};base64,{base64.b64encode(photo).decode('ascii')}"
    picture = tag("img", src=source, alt="Your photo", style="max-width: 100%; border-radius: .5rem")
    return tag(
        "figure", picture, tag("figcaption", "Seen by the models only; nothing of it is kept."), style="margin: 0"
    )


def _other(caption: str) -> str:
    """The second caption: what the reader wrote, else the exchange that is offered."""
    offered = [found.text for found in exchanges(caption)]
    typed = st.text_input(
        "The other caption", key="photo.other", max_chars=500,
        placeholder=offered[0] if offered else "Write a caption that is not true",
        help="Left empty, the adjectives of two things are exchanged.",
    )  # fmt: skip
    if len(offered) > 1 and not typed.strip():
        chosen = st.selectbox("Exchanges that can be made", offered, key="photo.offered")
        return chosen or offered[0]
    if not offered and not typed.strip():
        st.caption("Found no two things with adjectives to exchange in this caption.")
    return typed.strip() or (offered[0] if offered else "")


def _answer(model: str, photo: bytes, captions: tuple[str, str]) -> None:
    try:
        with st.spinner(f"Asking {literal(model)} …"):
            found = service.photo_verdict(model, photo, captions)
    except ServiceUnreachable:
        raise
    except ApiError as error:
        st.markdown(f"**{literal(model)}**")
        st.error(literal(str(error)), icon=":material/error:")
        return
    st.html(photo_card(model, found, captions))
    st.download_button(
        "Verdict (JSON)", found.model_dump_json(indent=2), "photo-verdict.json", "application/json",
        key=f"photo.json.{model}", on_click="ignore", icon=":material/download:",
    )  # fmt: skip
    with st.expander("Provenance"):
        facts = [("noise floor", tiny(found.noise_floor)), *tables.provenance_facts(found.provenance)]
        st.html(tables.facts(facts, label="Provenance"))


def photo_card(model: str, found: PhotoVerdict, captions: tuple[str, str]) -> Html:
    """The answer of one model."""
    sign, said = _SAID[found.outcome]
    rows = [
        (text + (" (cut: longer than the model reads)" if cut else ""), kind, score(value))
        for text, kind, value, cut in zip(captions, ("true", "other"), found.scores, found.cut, strict=True)
    ]
    return joined(
        tag("h3", model, cls="model-name"),
        tag("p", tag("strong", f"{sign} {said}"), f" (margin {signed(found.margin)})"),
        tables.table(("Caption", "Kind", "Cosine"), rows, label=f"Captions, {model}", numbers=frozenset({2})),
    )
