"""Pickers for how scenes become captions: template, articles, orders of mention."""

from collections.abc import Mapping, Sequence

import streamlit as st

from bindscope.core.errors import InvalidInput
from bindscope.features.verdicts.schemas import Articles, Orders
from bindscope.scenes.captions import TEMPLATES, Captioner
from bindscope_dashboard.shared import fields, state
from bindscope_dashboard.shared.states import Wording
from bindscope_dashboard.shared.wording import literal

_OWN = "own text"
_ORDERS: Mapping[Orders, str] = {"all": "All orders", "given": "As listed"}
_ARTICLES: Mapping[Articles, str] = {"a": "always “a”", "a_or_an": "“a” or “an”"}


def wording_widgets(prefix: str, wording: Wording) -> dict[str, object]:
    """Values of the widgets that show the wording."""
    named = wording.template in TEMPLATES
    return {
        f"{prefix}.template": wording.template if named else _OWN,
        f"{prefix}.own": "a sketch of {}" if named else wording.template,
        f"{prefix}.articles": wording.articles,
        f"{prefix}.orders": wording.orders,
    }


def wording_picker(prefix: str, current: Wording, *, templates: Sequence[str] = ()) -> Wording:
    """Shows the pickers. A wrong template is explained, and the present one stays. ``templates``: those that the
    concept space brings."""
    with st.popover("Captions", icon=":material/chat:"):
        choice = fields.listed(
            "Template",
            [*TEMPLATES, _OWN],
            f"{prefix}.template",
            format_func=lambda name: f"{name}: {TEMPLATES[name].replace('{}', '…')}" if name in TEMPLATES else name,
            help="The text around the objects; {} is where they go.",
        )
        for number, text in enumerate(templates):
            st.button(
                text.replace("{}", "…"), key=f"{prefix}.offered.{number}", help="A template of this concept space",
                on_click=state.set_widgets, args=({f"{prefix}.template": _OWN, f"{prefix}.own": text},),
            )  # fmt: skip
        template = choice
        if choice == _OWN:
            template = fields.text("Own text, with one {}", f"{prefix}.own", max_chars=200)
        elif state.has_widget(f"{prefix}.own"):
            state.set_widgets({f"{prefix}.own": state.widget(f"{prefix}.own")})
        orders = fields.segments(
            "Orders of mention", list(_ORDERS), f"{prefix}.orders", format_func=_ORDERS.__getitem__,
            help="All orders: the best of all ways to list the objects counts. As listed: only the order in the scene.",
        )  # fmt: skip
        articles = fields.segments("Articles", list(_ARTICLES), f"{prefix}.articles", format_func=_ARTICLES.__getitem__)
        try:
            Captioner(template, articles)
        except InvalidInput as error:
            st.warning(literal(str(error)))
            return current
    return Wording(template, articles, orders)
