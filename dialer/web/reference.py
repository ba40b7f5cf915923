"""The reference of the API, made from its own OpenAPI: a page for the browser and one for docs/."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from hashlib import sha256
from html import escape
from typing import Any

from fastapi import APIRouter, Response

from dialer.web.problem import KINDS

Schema = Mapping[str, Any]
_PAGE = re.compile(r"Page_(\w+)_")
METHODS = ("get", "post", "patch", "put", "delete")
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
code, pre { font: 14px/1.4 ui-monospace, monospace; }
pre { background: #8881; border-radius: 6px; overflow-x: auto; padding: .6rem; }
details { border-bottom: 1px solid #8884; padding: .4rem 0; }
summary { cursor: pointer; }
table { border-collapse: collapse; margin: .5rem 0; }
td, th { border-bottom: 1px solid #8884; padding: .2rem .8rem .2rem 0; text-align: left; }
.method { display: inline-block; font-weight: 600; width: 4.5rem; }
:root { color-scheme: light dark; }
"""
_STYLE_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'"


def docs_routes(schema: Callable[[], Schema]) -> APIRouter:
    """/docs for people and /v1/openapi.json for programs; nothing is fetched from elsewhere.

    Both are made when they are first asked for: that takes half a second, which a start does without.
    """
    router = APIRouter(include_in_schema=False)

    @cache
    def page() -> bytes:
        return html_page(schema()).encode()

    @cache
    def text() -> bytes:
        return json.dumps(schema(), ensure_ascii=False).encode()

    @router.get("/docs")
    async def docs() -> Response:
        return Response(
            await asyncio.to_thread(page),
            media_type="text/html",
            headers={"Content-Security-Policy": _POLICY},
        )

    @router.get("/v1/openapi.json")
    async def openapi() -> Response:
        return Response(await asyncio.to_thread(text), media_type="application/json")

    return router


def operations(schema: Schema) -> Iterator[tuple[str, str, str, Schema]]:
    """(tag, method, path, operation), by tag in the order of the routes."""
    found = [
        (operation.get("tags", [""])[0], method, path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]
    order = list(dict.fromkeys(tag for tag, *_ in found))
    yield from sorted(found, key=lambda one: order.index(one[0]))


def resolve(schema: Schema, node: Schema) -> Schema:
    """The node itself, or what its $ref points at."""
    while "$ref" in node:
        node = schema["components"]["schemas"][str(node["$ref"]).rpartition("/")[2]]
    return node


def shape(schema: Schema, node: Schema) -> str:
    """The type of a value in a few words."""
    for many in ("anyOf", "oneOf", "allOf"):
        if many in node:
            return " or ".join(dict.fromkeys(shape(schema, one) for one in node[many]))
    if "$ref" in node:
        name = str(node["$ref"]).rpartition("/")[2]
        values = resolve(schema, node).get("enum")
        return " | ".join(map(str, values)) if values else _PAGE.sub(r"page of \1", name)
    if "enum" in node:
        return " | ".join(map(str, node["enum"]))
    if "const" in node:
        return str(node["const"])
    if node.get("type") == "array":
        return f"list of {shape(schema, node.get('items', {}))}"
    if node.get("type") == "object" and isinstance(node.get("additionalProperties"), Mapping):
        return f"map to {shape(schema, node['additionalProperties'])}"
    limits = [
        f"{sign} {node[key]:,}" for key, sign in _LIMITS.items() if isinstance(node.get(key), int | float)
    ]
    limits += [f"`{node['pattern']}`"] if "pattern" in node else []
    kind = {"date-time": "instant", "date": "day", "binary": "file"}.get(node.get("format", ""), "")
    kind = kind or ("file" if "contentMediaType" in node else str(node.get("type", "any value")))
    return ", ".join([kind, *limits])


_LIMITS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
    "minLength": "length >=",
    "maxLength": "length <=",
    "minItems": "items >=",
    "maxItems": "items <=",
}


def fields(schema: Schema, node: Schema) -> list[tuple[str, str, str]]:
    """(name, type, meaning) of a body; a list's are those of its entries."""
    node = resolve(schema, node)
    if node.get("type") == "array":
        return fields(schema, node["items"])
    required = set(node.get("required", ()))
    told = []
    for name, one in node.get("properties", {}).items():
        meaning = str(one.get("description", ""))
        if name in required:
            meaning = "required" + (f"; {meaning}" if meaning else "")
        elif "default" in one and not isinstance(one["default"], list | dict):
            meaning = "; ".join(filter(None, [meaning, f"default {json.dumps(one['default'])}"]))
        told.append((name, shape(schema, one), meaning))
    return told


def shapes(schema: Schema) -> Iterator[tuple[str, str, list[tuple[str, str, str]]]]:
    """(name, what it is, its fields) of everything that has fields, by name."""
    for name, one in sorted(schema["components"]["schemas"].items()):
        if "properties" in one and not _PAGE.fullmatch(name) and not name.startswith("Body_"):
            yield name, one.get("description", ""), fields(schema, one)


def body_of(operation: Schema) -> Schema | None:
    """The schema of the request's body, if it takes one."""
    for content in operation.get("requestBody", {}).get("content", {}).values():
        return dict(content["schema"])
    return None


def answer_of(schema: Schema, operation: Schema) -> str:
    """The first good answer: status and what is in it."""
    for status, response in operation["responses"].items():
        if str(status).startswith("2"):
            for media, content in response.get("content", {}).items():
                what = shape(schema, content.get("schema", {})) if media == "application/json" else media
                return f"{status}: {what}"
            return f"{status}, no body"
    return ""


def html_page(schema: Schema) -> str:
    """The reference as one page without scripts."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Obzvon API</title>",
        "<meta name=viewport content='width=device-width'>",
        f"<style>{STYLE}</style><h1>Obzvon API {escape(schema['info']['version'])}</h1>",
        f"<p>{escape(schema['info']['description'])}</p><p><a href=/v1/openapi.json>OpenAPI 3.1</a></p>",
    ]
    last = ""
    for tag, method, path, operation in operations(schema):
        if tag != last:
            parts.append(f"<h2>{escape(tag)}</h2>")
            last = tag
        parts.append(_html_operation(schema, method, path, operation))
    parts.append("<h2>shapes</h2>")
    parts += [
        f"<details id={name}><summary><code>{name}</code> {escape(about)}</summary>"
        f"{_html_table(rows)}</details>"
        for name, about, rows in shapes(schema)
    ]
    parts.append("<h2>errors</h2><table>")
    parts += [
        f"<tr id={kind}><td><code>{kind}</code><td>{status}<td>{escape(title)}"
        for kind, (status, title) in KINDS.items()
    ]
    return "".join([*parts, "</table></html>"])


def _html_operation(schema: Schema, method: str, path: str, operation: Schema) -> str:
    rows = [
        (one["name"], f"{shape(schema, one['schema'])} ({one['in']})", one.get("description", ""))
        for one in operation.get("parameters", ())
    ]
    body = body_of(operation)
    table = _html_table(rows) + (f"<p>Body:{_html_table(fields(schema, body))}" if body else "")
    call = f"curl -H 'Authorization: Bearer $TOKEN' -X {method.upper()} http://127.0.0.1:8080{path}"
    return (
        f"<details id={operation['operationId']}><summary><span class=method>{method.upper()}</span>"
        f"<code>{escape(path)}</code> {escape(operation.get('description', ''))}</summary>"
        f"{table}<p>Answer {escape(answer_of(schema, operation))}<pre>{escape(call)}</pre></details>"
    )


def _html_table(rows: list[tuple[str, str, str]]) -> str:
    cells = (
        f"<tr><td><code>{escape(name)}</code><td>{escape(kind)}<td>{escape(meaning)}"
        for name, kind, meaning in rows
    )
    return f"<table>{''.join(cells)}</table>" if rows else ""


def markdown_page(schema: Schema) -> str:
    """docs/reference/api.md."""
    lines = ["# REST API", "", "Made from the OpenAPI description; `make docs` writes it anew.", ""]
    lines += [schema["info"]["description"], ""]
    last = ""
    for tag, method, path, operation in operations(schema):
        if tag != last:
            lines += [f"## {tag}", ""]
            last = tag
        lines += _markdown_operation(schema, method, path, operation)
    lines += ["## Shapes", ""]
    for name, about, rows in shapes(schema):
        lines += [f"### {name}", "", *([about, ""] if about else []), *_markdown_table(rows)]
    lines += ["## Errors", "", "| id | status | meaning |", "|---|---|---|"]
    lines += [f"| `{kind}` | {status} | {title} |" for kind, (status, title) in KINDS.items()]
    return "\n".join(lines) + "\n"


def _markdown_operation(schema: Schema, method: str, path: str, operation: Schema) -> list[str]:
    lines = [f"### {method.upper()} {path}", "", operation.get("description", ""), ""]
    rows = [
        (one["name"], f"{shape(schema, one['schema'])} ({one['in']})", one.get("description", ""))
        for one in operation.get("parameters", ())
        if one["in"] != "path"
    ]
    body = body_of(operation)
    rows += fields(schema, body) if body else []
    lines += _markdown_table(rows)
    return [*lines, f"Answer {answer_of(schema, operation)}", ""]


def _markdown_table(rows: list[tuple[str, str, str]]) -> list[str]:
    if not rows:
        return []
    told = [f"| `{name}` | {_cell(kind)} | {_cell(meaning)} |" for name, kind, meaning in rows]
    return ["| field | type | meaning |", "|---|---|---|", *told, ""]


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
