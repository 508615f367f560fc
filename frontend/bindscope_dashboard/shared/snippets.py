"""A view as a link, and its request as cURL and as Python."""

import json
import pprint
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode


def link(base: str, query: Mapping[str, str]) -> str:
    """The whole address. ``base`` may already hold a query: it is replaced."""
    return f"{base.split('?', 1)[0]}?{urlencode(query)}"


def as_curl(url: str, path: str, body: Mapping[str, Any], *, with_key: bool = False) -> str:
    """A command line that sends the request. The key itself is never written: it stays in its variable."""
    lines = [f"curl -s {shlex.quote(url + path)}", "-H 'Content-Type: application/json'"]
    if with_key:
        lines.append('-H "Authorization: Bearer $BINDSCOPE_API_KEY"')
    lines.append(f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}")
    return " \\\n  ".join(lines)


def as_python(url: str, method: str, body: Mapping[str, Any], *, with_key: bool = False) -> str:
    """A script that sends the request with the client and prints the answer."""
    key = ', os.environ["BINDSCOPE_API_KEY"]' if with_key else ""
    arguments = ",\n".join(
        f"        {name}={pprint.pformat(value, width=88, sort_dicts=False)}".replace("\n", "\n        ")
        for name, value in body.items()
    )
    return (
        ("import os\n\n" if with_key else "")
        + "from bindscope.client import BindscopeClient\n\n"
        + f"with BindscopeClient({url!r}{key}) as client:\n    answer = client.{method}(\n{arguments},\n    )\n\n"
        + "print(answer.model_dump_json(indent=2))\n"
    )
