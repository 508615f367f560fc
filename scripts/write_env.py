"""Writes .env for docker-compose.yml: .env.example with a random secret wherever one is wanted.

    make env            or: python scripts/write_env.py

Needs nothing but Python. A file that is there is left alone: its secrets may be in use.
"""

import os
import secrets
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
_SECRETS = ("PASSWORD", "KEY")


def filled(example: str) -> str:
    """The example with a value behind each password and key."""
    lines = []
    for line in example.splitlines():
        name, equals, value = line.partition("=")
        empty = equals and not value and name.endswith(_SECRETS)
        lines.append(f"{name}={secrets.token_hex(24)}" if empty else line)
    return "\n".join(lines) + "\n"


def write(path: Path) -> None:
    """Raises FileExistsError where there is one already. Only its owner can read the file."""
    text = filled((ROOT / ".env.example").read_text(encoding="utf-8"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def main() -> None:
    path = ROOT / ".env"
    try:
        write(path)
    except FileExistsError:
        sys.exit(f"{path} is there already and was left alone: delete it for new secrets.")
    print(f"Wrote {path}. Next: docker compose up --build")


if __name__ == "__main__":
    main()
