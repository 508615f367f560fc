"""Concept spaces: those that come with Bindscope and the user's own, kept as YAML files in the data directory."""

import contextlib
import threading
import time
from pathlib import Path

import yaml

from bindscope.core.errors import Conflict, InvalidInput, UnknownName
from bindscope.scenes.concepts import BUILTIN_SPACES, ConceptSpace, grid_space, space_from_mapping, space_to_mapping
from bindscope.store.files import write_whole

MAX_SPACE_BYTES = 256 * 1024
MAX_OWN_SPACES = 200
#: A space is a mapping of a mapping of lists.
_MAX_DEPTH = 4
_TICK_NS = 50_000_000


class SpaceRepository:
    """Look-up by name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._own: dict[str, ConceptSpace] = {}
        self._read_at = -1
        with self._lock:
            self._refresh()

    def all(self) -> list[tuple[ConceptSpace, bool]]:
        """Every space, and whether it is built in."""
        with self._lock:
            self._refresh()
            return [(s, True) for s in BUILTIN_SPACES.values()] + [(s, False) for s in self._own.values()]

    def get(self, name: str) -> ConceptSpace:
        """The space called ``name``; any ``grid-CxV`` is one. Raises UnknownName."""
        found = BUILTIN_SPACES.get(name) or grid_space(name)
        if found is None:
            with self._lock:
                self._refresh()
                found = self._own.get(name)
        if found is None:
            raise UnknownName("space", name, [space.name for space, _ in self.all()])
        return found

    def add(self, text: bytes) -> ConceptSpace:
        """Adds a user's own space from YAML (or JSON). Raises InvalidInput, Conflict, DiskFull."""
        return self.keep(parse_space(text))

    def keep(self, space: ConceptSpace) -> ConceptSpace:
        """Adds a user's own space. Raises InvalidInput, Conflict, DiskFull."""
        with self._lock:
            self._refresh()
            if BUILTIN_SPACES.get(space.name) == space:
                return space
            if space.name in BUILTIN_SPACES or self._own.get(space.name, space) != space:
                raise Conflict(f"A different space called {space.name!r} exists: choose another name or delete it.")
            if space.name in self._own:
                return space
            if len(self._own) >= MAX_OWN_SPACES:
                raise InvalidInput(f"At most {MAX_OWN_SPACES} own spaces: delete one first.")
            self._write(space)
            self._own[space.name] = space
        return space

    def remove(self, name: str) -> None:
        """Removes a user's own space. Raises UnknownName, and InvalidInput for a built-in one."""
        if name in BUILTIN_SPACES:
            raise InvalidInput(f"Space {name!r} comes with Bindscope and cannot be deleted.")
        with self._lock:
            self._refresh()
            if name not in self._own:
                raise UnknownName("space", name, list(self._own))
            (self._folder / f"{name}.yaml").unlink(missing_ok=True)
            del self._own[name]

    def _refresh(self) -> None:
        """Reads the folder again when another service on the same data directory changed it."""
        try:
            # Files are replaced, never edited in place, so the folder's own time tells.
            changed_at = self._folder.stat().st_mtime_ns
        except OSError:
            changed_at = 0
        if changed_at == self._read_at:
            return
        own: dict[str, ConceptSpace] = {}
        for path in sorted(self._folder.glob("*.yaml")):
            with contextlib.suppress(InvalidInput, OSError):
                space = parse_space(path.read_bytes())
                own[space.name] = space
        # A second change within one tick of the clock would leave the time as it is: trust only a settled one.
        settled = time.time_ns() - changed_at > _TICK_NS
        self._own, self._read_at = own, changed_at if settled else -1

    def _write(self, space: ConceptSpace) -> None:
        text = yaml.safe_dump(space_to_mapping(space), sort_keys=False, allow_unicode=True)
        write_whole(self._folder / f"{space.name}.yaml", text.encode())


def parse_space(text: bytes) -> ConceptSpace:
    """A space from YAML or JSON text. Raises InvalidInput."""
    if len(text) > MAX_SPACE_BYTES:
        raise InvalidInput(f"A space may have at most {MAX_SPACE_BYTES // 1024} KiB of text.")
    try:
        _check_events(text)
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        if isinstance(error, InvalidInput):
            raise
        where = getattr(error, "problem_mark", None)
        place = f" at line {where.line + 1}" if where is not None else ""
        raise InvalidInput(f"The text is not valid YAML or JSON{place}.") from error
    return space_from_mapping(data)


def _check_events(text: bytes) -> None:
    """Stops at the first event that a space never needs, before anything is built.

    Aliases can blow up a small text ("billion laughs"), and the parser's time grows with the square of the depth.
    """
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise InvalidInput("A space may not use YAML aliases.")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise InvalidInput("A space is a mapping with 'name' and 'concepts': this text is nested too deeply.")
