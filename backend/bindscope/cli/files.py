"""Files that commands read and write; what is wrong with one is a sentence."""

import contextlib
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from bindscope.core.errors import InvalidInput

_FOLDER_FILES = (".json", ".jsonl", ".parquet", ".csv", ".yaml", ".yml", ".npy", ".png", ".jpg", ".jpeg", ".webp")


def written(out: Path, data: bytes) -> int:
    """Writes the file and gives its size. Raises InvalidInput."""
    try:
        return out.write_bytes(data)
    except OSError as error:
        raise InvalidInput(f"Cannot write {out}: {error.strerror}. Give --out another place.") from error


def require_file(path: Path, kind: str = "file") -> None:
    """Raises InvalidInput where there is no such file."""
    if not path.is_file():
        raise InvalidInput(f"No such {kind}: {path}.")


def lines_of(texts: list[str] | None) -> list[str]:
    """The texts that were typed; ``-`` stands for the lines of standard input."""
    return [line.rstrip("\n") for text in texts or [] for line in (sys.stdin if text == "-" else [text])]


@contextlib.contextmanager
def packed(path: Path) -> Iterator[Path]:
    """A file as it is; a folder as a zip among the temporary files, gone afterwards."""
    if not path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"{path.name}.zip"
        with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
            for file in sorted(path.rglob("*")):
                if file.is_file() and not file.is_symlink() and file.suffix.lower() in _FOLDER_FILES:
                    archive.write(file, file.relative_to(path).as_posix())
        yield target
