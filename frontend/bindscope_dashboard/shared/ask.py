"""Every question to the service, by its ``Endpoint``: answered by the open bundle, from memory, or by the service.

Keys are the JSON texts of requests, never arrays or objects, and leave out what has its default: equal questions share
an entry however they were written. Errors are never kept: the next run asks again.
"""

import json
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import streamlit as st
from pydantic import BaseModel, ValidationError
from streamlit.runtime.scriptrunner import add_script_run_ctx, get_script_run_ctx

from bindscope import features
from bindscope.client import ApiError, BindscopeClient, ServiceUnreachable
from bindscope.client.bundles import Bundle
from bindscope.core.wire import Answer, Asked, Endpoint
from bindscope.scenes.wire import SceneModel
from bindscope_dashboard.shared import own_data, state

_Answer = TypeVar("_Answer", bound=BaseModel)
_DEFAULT_URL = "http://127.0.0.1:8000"
#: Seconds that an answer may take: the first analysis of a large space embeds every scene.
_PATIENCE = 1800.0


def url() -> str:
    """Address of the service: ``BINDSCOPE_API_URL``."""
    return os.environ.get("BINDSCOPE_API_URL", _DEFAULT_URL).rstrip("/")


def has_key() -> bool:
    """Whether requests carry the key of ``BINDSCOPE_API_KEY``."""
    return bool(os.environ.get("BINDSCOPE_API_KEY"))


def client() -> BindscopeClient:
    """The client that all sessions share."""
    return _client(url())


def ask(question: Endpoint[Asked, Answer], body: Mapping[str, Any]) -> Answer:
    """The answer to a question."""

    def fresh(key: str) -> Answer:
        return _answer(url(), question.path, key, question)

    return remembered(question.answer, key_of(body, question.request), fresh)


def ask_each(question: Endpoint[Asked, Answer], bodies: Sequence[Mapping[str, Any]]) -> list[Answer | ApiError]:
    """The same of several models at once; an error stands in its model's place. Raises ServiceUnreachable."""
    context = get_script_run_ctx(suppress_warning=True)

    def one(body: Mapping[str, Any]) -> Answer | ApiError:
        add_script_run_ctx(ctx=context)
        try:
            return ask(question, body)
        except ServiceUnreachable:
            raise
        except ApiError as error:
            return error

    if len(bodies) == 1:
        return [one(bodies[0])]
    with ThreadPoolExecutor(len(bodies)) as threads:
        return list(threads.map(one, bodies))


def follow(
    question: Endpoint[Asked, Answer],
    body: Mapping[str, Any],
    send: Callable[[BindscopeClient, dict[str, Any]], Answer],
) -> Answer:
    """The answer to a question that tells how far it is: ``send`` asks it by the client's own method.

    The session keeps the last one of each kind: Streamlit's own cache would try to replay the progress.
    """

    def fresh(key: str) -> Answer:
        last = state.last_answer(question.path)
        if last is None or last[0] != (url(), key):
            last = (url(), key), send(client(), json.loads(key))
            state.keep_last_answer(question.path, last)
        found: Answer = last[1]
        return found

    return remembered(question.answer, key_of(body, question.request), fresh)


def picture(scene: SceneModel, pixels: int) -> bytes:
    """The PNG that the model sees."""
    body = {"scene": scene.model_dump(mode="json", exclude_none=True), "pixels": pixels}
    key = key_of(body)
    name = f"picture {key}"
    kept = state.bundled_answer(name)
    if kept is None:
        kept = _picture(url(), key)
        state.note_answer(name, kept)
    return kept


def remembered(kind: type[_Answer], key: str, fresh: Callable[[str], _Answer]) -> _Answer:
    """An answer by its request: from the open bundle where it has it, else ``fresh``. It is noted for a bundle of the
    page."""
    name = f"{kind.__name__} {key}"
    kept = state.bundled_answer(name)
    if kept is not None:
        # What another version wrote may not be read here: then the service is asked.
        with suppress(ValidationError):
            return kind.model_validate_json(kept)
    answer = fresh(key)
    state.note_answer(name, answer)
    return answer


def key_of(body: Mapping[str, Any], request: type[BaseModel] | None = None) -> str:
    """A request as it is sent. What cannot be one is sent as it is: the service says what is wrong with it."""
    sent = own_data.sent(body)
    if request is not None:
        with suppress(ValidationError, ValueError):
            sent = request.model_validate(sent).model_dump(mode="json", exclude_defaults=True)
    return json.dumps(sent, sort_keys=True, ensure_ascii=False)


def as_asked_here(bundle: Bundle) -> Bundle:
    """The bundle with its questions as this version writes them: others may have said what has its default."""
    return replace(bundle, answers={_as_asked_here(name): answer for name, answer in bundle.answers.items()})


def _as_asked_here(name: str) -> str:
    kind, _, key = name.partition(" ")
    request = next((known.request for known in features.endpoints() if known.answer.__name__ == kind), None)
    try:
        return f"{kind} {key_of(json.loads(key), request)}"
    except ValueError:
        return name  # a job's id


@st.cache_resource(show_spinner=False, on_release=BindscopeClient.close)
def _client(address: str) -> BindscopeClient:
    return BindscopeClient(address, os.environ.get("BINDSCOPE_API_KEY"), timeout=_PATIENCE)


@st.cache_data(max_entries=1000, ttl=3600, show_spinner=False)
def _answer(address: str, path: str, key: str, _question: Endpoint[Asked, Answer]) -> Answer:
    return _client(address).ask(_question, json.loads(key))


@st.cache_data(max_entries=500, ttl=3600, show_spinner=False)
def _picture(address: str, key: str) -> bytes:
    body = json.loads(key)
    return _client(address).render(body["scene"], body["pixels"])
