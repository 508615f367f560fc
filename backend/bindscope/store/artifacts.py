"""Artifacts: checkpoints, fits and reports as plain files, in a local folder or a bucket (fsspec), shared by workers.

A file appears whole or not at all: it is written beside its place and moved there. Never pickle: what is written
is safetensors, JSON or npz.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from bindscope.core.errors import InvalidInput, UnknownName
from bindscope.store.files import UNFINISHED, write_whole

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class ArtifactFolder:
    """The files of one thing: a run, a fit."""

    root: "Artifacts"
    path: tuple[str, ...]

    def read(self, name: str) -> bytes:
        """Raises UnknownName("artifact", ...) where there is no such file."""
        try:
            data: bytes = self.root.files.cat_file(self._at(name))
        except FileNotFoundError:
            raise UnknownName("artifact", "/".join((*self.path, name)), self.names()) from None
        return data

    def write(self, name: str, data: bytes) -> None:
        """Replaces the file at once: a reader sees the old bytes or the new ones. Raises DiskFull."""
        target = self._at(name)
        if self.root.local:
            write_whole(Path(target), data)
        else:
            self.root.files.pipe_file(target, data)  # an object store shows an object only when it is complete

    def names(self) -> list[str]:
        """Names of the files, sorted."""
        return self.root.listed(self.path)

    def remove(self, name: str) -> None:
        """Takes one file away; nothing happens where there is none."""
        try:
            self.root.files.rm_file(self._at(name))
        except FileNotFoundError:
            return

    def delete(self) -> None:
        """Takes the folder away; nothing happens where there is none."""
        at = self.root.at(self.path)
        if self.root.files.exists(at):
            self.root.files.rm(at, recursive=True)

    def _at(self, name: str) -> str:
        return self.root.at((*self.path, name))


class Artifacts:
    """``url`` is a folder or anything fsspec opens (``s3://bucket/prefix`` with s3fs installed)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: Any
        self.files, self._base = fsspec.core.url_to_fs(url)
        self.local = "file" in _protocols(self.files)

    def folder(self, *path: str) -> ArtifactFolder:
        """A folder below the root. Raises InvalidInput for names that are not plain."""
        for part in path:
            if not _NAME.fullmatch(part):
                raise InvalidInput(f"An artifact is named by letters, digits, dots, dashes and underscores: {part!r}.")
        return ArtifactFolder(self, path)

    def listed(self, path: tuple[str, ...]) -> list[str]:
        """Names below a folder, sorted; none where there is no folder."""
        try:
            found = self.files.ls(self.at(path), detail=False)
        except FileNotFoundError:
            return []
        return sorted(
            name for name in (item.rstrip("/").rsplit("/", 1)[-1] for item in found) if not name.endswith(UNFINISHED)
        )

    def at(self, path: tuple[str, ...]) -> str:
        """The full path, as the file system wants it."""
        for part in path:
            if not _NAME.fullmatch(part):
                raise InvalidInput(f"An artifact is named by letters, digits, dots, dashes and underscores: {part!r}.")
        return "/".join((self._base, *path))


def _protocols(files: Any) -> tuple[str, ...]:
    return (files.protocol,) if isinstance(files.protocol, str) else tuple(files.protocol)
