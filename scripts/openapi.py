"""Writes docs/openapi.json from the code; a test holds the two equal."""

import json
from pathlib import Path

from bindscope.api.app import create_app
from bindscope.core.config import Settings

TARGET = Path(__file__).parent.parent / "docs" / "openapi.json"


def document() -> str:
    """The OpenAPI document as committed: sorted, indented, one newline at the end."""
    app = create_app(Settings(_env_file=None))
    return json.dumps(app.openapi(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(document(), encoding="utf-8")
    print(TARGET)
