"""Untrusted zip archives: what they list is checked before anything is unpacked, and nothing is unpacked by name."""

import stat
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import BinaryIO

from bindscope.core.errors import InvalidInput, PayloadTooLarge

MAX_MEMBERS = 100_000
PICTURES = (".png", ".jpg", ".jpeg", ".webp")
_IGNORED = ("__MACOSX/",)
_IGNORED_NAMES = (".DS_Store", "Thumbs.db")
_LISTED = 5


class Archive:
    """The plain files of a zip, by their path. Raises InvalidInput or PayloadTooLarge that name the file."""

    def __init__(self, file: BinaryIO, *, max_bytes: int) -> None:
        try:
            self._zip = zipfile.ZipFile(file)
            entries = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        except (zipfile.BadZipFile, ValueError, OSError, EOFError, NotImplementedError) as error:
            raise InvalidInput("The file is not a readable zip archive: pack it again.") from error
        if len(entries) > MAX_MEMBERS:
            raise PayloadTooLarge(f"The archive has {len(entries):,} files: at most {MAX_MEMBERS:,}.")
        entries = [entry for entry in entries if not _is_litter(entry.filename)]
        for entry in entries:
            _check_entry(entry)
        twice = [name for name, count in Counter(entry.filename for entry in entries).items() if count > 1]
        if twice:
            raise InvalidInput(f"The archive holds {twice[0]!r} twice: each name may occur once.")
        size = sum(entry.file_size for entry in entries)
        if size > max_bytes:
            raise PayloadTooLarge(f"The archive unpacks to {size:,} bytes: at most {max_bytes:,} are allowed.")
        self._sizes = {entry.filename: entry.file_size for entry in entries}
        self.names: tuple[str, ...] = tuple(self._sizes)

    def ending(self, *suffixes: str) -> list[str]:
        """Names of the files of a kind."""
        return [name for name in self.names if PurePosixPath(name).suffix.lower() in suffixes]

    def only(self, suffix: str, what: str) -> str | None:
        """The one file of a kind; None without any. Raises InvalidInput for several."""
        found = self.ending(suffix)
        if len(found) > 1:
            raise InvalidInput(f"The archive holds {len(found)} {what} ({', '.join(found[:_LISTED])}): one is needed.")
        return found[0] if found else None

    def read(self, name: str) -> bytes:
        """The bytes of one file, never more than its entry says. Raises InvalidInput."""
        try:
            with self._zip.open(name) as file:
                data = file.read(self._sizes[name] + 1)
        except (zipfile.BadZipFile, OSError, EOFError, RuntimeError, NotImplementedError, ValueError) as error:
            raise InvalidInput(f"File {name!r} of the archive is damaged: pack it again.") from error
        except Exception as error:  # each compression method has errors of its own
            raise InvalidInput(f"File {name!r} of the archive cannot be unpacked: pack it again.") from error
        if len(data) != self._sizes[name]:
            raise InvalidInput(f"File {name!r} of the archive is larger than the archive says: pack it again.")
        return data


def matched(wanted: Sequence[str], there: Sequence[str], *, table: str) -> list[str]:
    """The file of each row: by its whole path, else by a name that only one file has.

    Raises InvalidInput that names the missing files, and the rows that share one.
    """
    short = Counter(PurePosixPath(name).name for name in there)
    by_name = {PurePosixPath(name).name: name for name in there if short[PurePosixPath(name).name] == 1}
    whole = set(there)
    found = [text if text in whole else by_name.get(PurePosixPath(text).name, "") for text in wanted]
    missing = [text for text, name in zip(wanted, found, strict=True) if not name]
    if missing:
        more = f" and {len(missing) - _LISTED} more" if len(missing) > _LISTED else ""
        raise InvalidInput(
            f"{table} names {len(missing)} pictures that are not in the archive: "
            f"{', '.join(map(repr, missing[:_LISTED]))}{more}."
        )
    first: dict[str, int] = {}
    for row, name in enumerate(found, start=1):
        if first.setdefault(name, row) != row:
            raise InvalidInput(f"{table}: rows {first[name]} and {row} name the same picture {name!r}.")
    return found


def _is_litter(name: str) -> bool:
    return name.startswith(_IGNORED) or PurePosixPath(name).name in _IGNORED_NAMES


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.orig_filename
    parts = PurePosixPath(name).parts
    if "\\" in name or "\0" in name or ":" in name or name.startswith("/") or ".." in parts:
        raise InvalidInput(f"The archive holds {name!r}, which points outside of it: pack it with plain names.")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise InvalidInput(f"The archive holds the link {name!r}: pack the file itself.")
    if entry.flag_bits & 1:
        raise InvalidInput(f"File {name!r} of the archive is encrypted: pack it without a password.")
