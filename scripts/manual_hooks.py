"""Hooks of the manual: formulas become MathML, and the reference of the API is written from the OpenAPI document.

Both at build time, so that the pages need no script and never go stale.
"""

import json
import re
from pathlib import Path
from typing import Any

from latex2mathml.converter import convert
from mkdocs.utils import get_relative_url

_BLOCK = re.compile(r"^\$\$\n?(.+?)\n?\$\$$", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"(?<![\\$\w])\$([^$\n]+?)\$(?![\w$])")
_FENCE = re.compile(r"(```.*?```|`[^`\n]*`)", re.DOTALL)
_REFERENCE = "<!-- reference -->"
_SHIM, _OWN_SHIM = "https://unpkg.com/iframe-worker/shim", "assets/frame-worker.js"


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """What mkdocs calls for each page."""
    if _REFERENCE in markdown:
        document = json.loads((Path(config["docs_dir"]) / "openapi.json").read_text(encoding="utf-8"))
        markdown = markdown.replace(_REFERENCE, reference(document))
    parts = _FENCE.split(markdown)
    parts[::2] = [with_math(part) for part in parts[::2]]
    return "".join(parts)


def on_post_page(output: str, page: Any, config: Any) -> str:
    """The helper of the search lies in the manual itself, not on somebody's server."""
    return output.replace(_SHIM, get_relative_url(_OWN_SHIM, page.url))


def on_post_template(output: str, template_name: str, config: Any) -> str:
    """The same for pages that no document stands for."""
    return output.replace(_SHIM, _OWN_SHIM)


def with_math(text: str) -> str:
    """``$...$`` and ``$$...$$`` as MathML, which browsers draw themselves."""
    text = _BLOCK.sub(lambda m: f'\n<div class="math">{convert(m[1], display="block")}</div>\n', text)
    return _INLINE.sub(lambda m: convert(m[1]), text)


def reference(document: dict[str, Any]) -> str:
    """Every route with its fields, as Markdown."""
    schemas = document["components"]["schemas"]
    lines: list[str] = []
    groups: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if method in ("get", "post", "put", "delete", "patch"):
                groups.setdefault((operation.get("tags") or ["service"])[0], []).append((method, path, operation))
    for tag, operations in groups.items():
        lines.append(f"\n## {tag.capitalize()}\n")
        for method, path, operation in operations:
            lines.append(f"\n### `{method.upper()} {path}`\n")
            lines.append(_plain(operation.get("description") or operation.get("summary") or ""))
            lines += _parameters(operation)
            lines += _body(operation, schemas)
            lines += _answers(operation)
    return "\n".join(lines)


def _parameters(operation: dict[str, Any]) -> list[str]:
    rows = []
    for one in operation.get("parameters", []):
        schema = one.get("schema", {})
        default = _default(schema, one.get("required"))
        rows.append(f"| `{one['name']}` | {one['in']} | {_kind(schema)} | {default} |")
    if not rows:
        return []
    return ["", "| parameter | where | type | default |", "|---|---|---|---|", *rows, ""]


def _body(operation: dict[str, Any], schemas: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        schema = _resolved(content.get("schema", {}), schemas)
        rows = _fields(schema, schemas)
        if rows:
            lines += ["", f"Body, `{kind}`:", "", "| field | type | default |", "|---|---|---|", *rows, ""]
    return lines


def _fields(schema: dict[str, Any], schemas: dict[str, Any], prefix: str = "") -> list[str]:
    rows = []
    required = set(schema.get("required", []))
    for name, field in schema.get("properties", {}).items():
        rows.append(f"| `{prefix}{name}` | {_kind(field)} | {_default(field, name in required)} |")
        inner = _resolved(field, schemas)
        if not prefix and inner is not field and inner.get("properties"):
            rows += _fields(inner, schemas, f"{name}.")
    return rows


def _answers(operation: dict[str, Any]) -> list[str]:
    found = []
    for code, answer in operation.get("responses", {}).items():
        if code.startswith("2"):
            kinds = [f"`{kind}` {_kind(c.get('schema', {}))}".strip() for kind, c in answer.get("content", {}).items()]
            found.append(f"{code}: {', '.join(kinds) or 'no body'}")
    return ["", f"Answer: {'; '.join(found)}. Errors are `application/problem+json`.", ""]


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    name = _name(schema)
    return schemas.get(name, schema) if name else schema


def _name(schema: dict[str, Any]) -> str | None:
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    return None


def _kind(schema: dict[str, Any]) -> str:
    name = _name(schema)
    if name:
        return name
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_kind(one) for one in schema["anyOf"] if one.get("type") != "null")
    if schema.get("type") == "array":
        return f"list of {_kind(schema.get('items', {})) or 'values'}"
    limits = [f"{sign} {schema[key]}" for key, sign in _LIMITS.items() if key in schema]
    return " ".join([str(schema.get("type", "")), *([f"({', '.join(limits)})"] if limits else [])])


_LIMITS = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<", "maxLength": "length ≤"}


def _default(schema: dict[str, Any], required: object) -> str:
    if required:
        return "**needed**"
    value = schema.get("default")
    return "none" if value is None else f"`{json.dumps(value, ensure_ascii=False)}`"


def _plain(text: str) -> str:
    return text.replace("``", "`").replace("|", "\\|")
