"""A view with its results as one zip: another installation opens it without the models, and shows what was shown.

``bundle.json`` says which page, with which state, made when and with what; ``answers/NNN.json`` are answers exactly as
the service gave them, ``answers/NNN.png`` pictures. Nothing in it is run.
"""

import io
import json
import re
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from bindscope.core.errors import InvalidInput, PayloadTooLarge
from bindscope.features.models.schemas import ModelSummary
from bindscope.features.spaces.schemas import SpaceModel

FORMAT = 1
HEAD = "bundle.json"
MAX_BYTES, MAX_ANSWERS = 64 * 2**20, 500
_NAME = re.compile(r"answers/\d{3}\.(json|png)")
_PNG = b"\x89PNG\r\n\x1a\n"
_PAGE = re.compile(r"[a-z]{2,20}")


@dataclass(frozen=True)
class Bundle:
    """``answers``: by kind and request, the JSON text or the PNG. ``models`` and ``spaces`` are those that the page
    needs for its pickers."""

    page: str
    query: Mapping[str, str]
    created: str
    version: str
    models: Sequence[ModelSummary] = ()
    spaces: Sequence[SpaceModel] = ()
    answers: Mapping[str, bytes] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """The zip. Raises PayloadTooLarge."""
        listed = []
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for number, (key, data) in enumerate(list(self.answers.items())[-MAX_ANSWERS:]):
                ending = "png" if data.startswith(_PNG) else "json"
                name = f"answers/{number:03d}.{ending}"
                listed.append({"key": key, "file": name})
                archive.writestr(name, data)
            head = {
                "format": FORMAT,
                "page": self.page,
                "query": dict(self.query),
                "created": self.created,
                "version": self.version,
                "models": [model.model_dump(mode="json") for model in self.models],
                "spaces": [space.model_dump(mode="json") for space in self.spaces],
                "answers": listed,
            }
            archive.writestr(HEAD, json.dumps(head, ensure_ascii=False, indent=1))
        data = file.getvalue()
        if len(data) > MAX_BYTES:
            raise PayloadTooLarge(f"The bundle has {len(data):,} bytes: at most {MAX_BYTES:,}. Show less at a time.")
        return data


def bundle_from(data: bytes) -> Bundle:
    """Reads a bundle. Raises InvalidInput or PayloadTooLarge that name what is wrong; nothing of it is kept then."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        entries = archive.infolist()
    except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError) as error:
        raise InvalidInput("This is no bundle: it is not a readable zip.") from error
    _check(entries)
    head = _json(archive, HEAD)
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        found = head.get("format") if isinstance(head, dict) else None
        raise InvalidInput(f"The bundle has format {found!r}, this version reads {FORMAT}: use a newer Bindscope.")
    query, page = head.get("query"), str(head.get("page"))
    if not _PAGE.fullmatch(page) or not isinstance(query, dict) or not _is_texts(query):
        raise InvalidInput(f"{HEAD} of the bundle does not name a page and its state.")
    try:
        models = [ModelSummary.model_validate(one) for one in head.get("models", [])]
        spaces = [SpaceModel.model_validate(one) for one in head.get("spaces", [])]
        answers = {str(one["key"]): _answer(archive, str(one["file"])) for one in head.get("answers", [])}
    except (ValidationError, KeyError, TypeError) as error:
        raise InvalidInput(f"{HEAD} of the bundle is damaged: ask for the bundle again.") from error
    return Bundle(page, query, str(head.get("created")), str(head.get("version")), models, spaces, answers)


def _check(entries: Sequence[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    for name in names:
        if name != HEAD and not _NAME.fullmatch(name):
            raise InvalidInput(f"The bundle holds {name!r}, which is no part of one.")
    if HEAD not in names or len(set(names)) != len(names):
        raise InvalidInput(f"This is no bundle: it needs one {HEAD}, and every name once.")
    if len(names) > MAX_ANSWERS + 1:
        raise PayloadTooLarge(f"The bundle holds {len(names)} files: at most {MAX_ANSWERS + 1}.")
    size = sum(entry.file_size for entry in entries)
    if size > 4 * MAX_BYTES:
        raise PayloadTooLarge(f"The bundle unpacks to {size:,} bytes: at most {4 * MAX_BYTES:,}.")


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        size = archive.getinfo(name).file_size
        with archive.open(name) as file:
            data = file.read(size + 1)
    except (KeyError, zipfile.BadZipFile, OSError, EOFError, RuntimeError, ValueError) as error:
        raise InvalidInput(f"File {name!r} of the bundle is missing or damaged.") from error
    except Exception as error:  # each compression method has errors of its own
        raise InvalidInput(f"File {name!r} of the bundle cannot be unpacked.") from error
    if len(data) != size:
        raise InvalidInput(f"File {name!r} of the bundle is larger than it says.")
    return data


def _answer(archive: zipfile.ZipFile, name: str) -> bytes:
    """A picture, or JSON that can be read."""
    data = _read(archive, name)
    if name.endswith(".png"):
        if not data.startswith(_PNG):
            raise InvalidInput(f"{name} of the bundle is no PNG.")
    else:
        _parsed(data, name)
    return data


def _json(archive: zipfile.ZipFile, name: str) -> Any:
    return _parsed(_read(archive, name), name)


def _parsed(data: bytes, name: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{name} of the bundle is not JSON.") from error


def _is_texts(query: Mapping[object, object]) -> bool:
    return all(isinstance(part, str) for pair in query.items() for part in pair)
