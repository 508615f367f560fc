"""System: what runs where.

How it is used: somebody checks that a model is loaded, on which device and with which weights before they trust or
quote a number; or, when the page says that the store does not answer, what that means and whether it is back.
"""

import json
from collections.abc import Mapping, Sequence

import streamlit as st

from bindscope.features.models.schemas import ModelSummary
from bindscope.features.system.schemas import LoadedModel, StoreState, SystemState
from bindscope_dashboard.shared import service, tables
from bindscope_dashboard.shared.ask import url
from bindscope_dashboard.shared.html import Child, Html, tag
from bindscope_dashboard.shared.problems import explained
from bindscope_dashboard.shared.wording import percent, runs_on

_STORE = {"ok": "answers", "degraded": "does not answer", "off": "switched off"}


def page() -> None:
    """The page of the navigation."""
    with explained():
        st.button("Refresh", icon=":material/refresh:", on_click=service.forget, key="system.refresh")
        system, models = service.system(), service.models()
        if system.store.state == "degraded":
            st.error(
                f"The store does not answer ({system.store.message or system.store.kind}). The service goes on without "
                "it: numbers are right, but nothing is kept. It is picked up again by itself.",
                icon=":material/warning:",
            )
        st.html(_facts(system))
        st.subheader("Models", anchor=False)
        st.html(models_table(models, {m.id: m for m in system.models}))
        st.subheader("Versions", anchor=False)
        versions: list[tuple[str, Child]] = sorted({"bindscope": system.version, **system.versions}.items())
        st.html(tables.facts(versions, label="Versions"))
        whole = {"system": system.model_dump(mode="json"), "models": [m.model_dump(mode="json") for m in models]}
        st.download_button(
            "System (JSON)", json.dumps(whole, indent=2), "system.json", "application/json", key="system.json",
            on_click="ignore", icon=":material/download:",
        )  # fmt: skip


def models_table(models: Sequence[ModelSummary], loaded: Mapping[str, LoadedModel]) -> Html:
    """Every model that the service offers, the loaded ones with device and weights."""
    rows: list[Sequence[Child]] = []
    for model in models:
        live = loaded.get(model.id)
        where = runs_on(live.device, live.dtype) if live else ("–" if model.available else "not available")
        fingerprint = (live.fingerprint if live else model.fingerprint) or ""
        rows.append(
            (
                tag(
                    "span", tag("strong", model.id), tag("br"), tag("span", model.note or model.family, cls="bs-muted")
                ),
                " + ".join(model.modalities),
                "–" if model.dim is None else str(model.dim),
                "–" if model.pixels is None else f"{model.pixels}",
                "yes" if live or model.loaded else "no",
                where,
                str(live.encoded_items) if live else "–",
                tag("code", fingerprint[:16] or "–", title=fingerprint),
            )
        )
    head = ("Model", "Reads", "Dim", "Pixels", "Loaded", "Runs on", "Encoded", "Fingerprint")
    return tables.table(head, rows, label="Models", numbers=frozenset({2, 3, 6}))


def _facts(system: SystemState) -> Html:
    cache, store = system.cache, system.store
    boxes = [
        _fact("Device", system.device.upper(), system.message or system.device_name),
        _fact("Store", _STORE[store.state], _store_note(store)),
        _fact("Cache hits", percent(cache.hit_share), f"{cache.hits} of {cache.hits + cache.misses} vectors"),
        _fact("Running for", _duration(system.uptime_seconds), f"at {url()}"),
    ]
    return tag("div", *boxes, cls="bs-facts")


def _fact(title: str, figure: str, note: str) -> Html:
    parts = (tag("div", title, cls="title"), tag("div", figure, cls="figure"), tag("div", note, cls="bs-muted"))
    return tag("div", *parts, cls="bs-fact")


def _store_note(store: StoreState) -> str:
    memory = "" if store.memory_bytes is None else f", {store.memory_bytes / 2**20:.1f} MB"
    keys = "" if store.keys is None else f", {store.keys} keys"
    return f"{store.kind}{' ' + store.server if store.server else ''}{keys}{memory}"


def _duration(seconds: float) -> str:
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if hours:
        return f"{hours} h {minutes % 60} min"
    return f"{minutes} min" if minutes else f"{seconds:.0f} s"
