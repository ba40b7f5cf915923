"""API and command line translate: what stores, live state and cells are asked stands in dialer/office/."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from dialer.ports.between import Desk, Shown
from dialer.ports.stores import Stores

ROOT = Path(__file__).parents[2]
FACES = sorted(path for room in ("web", "cli") for path in (ROOT / "dialer" / room).rglob("*.py"))
STORES = {each.name for each in fields(Stores)}
PORTS = {"stores": STORES, "live": set(dir(Shown)), "desk": set(dir(Desk))}
WIRING = {  # handed on to what is built there, and not asked
    "dialer/web/app.py: stores.requests",
    "dialer/web/app.py: stores.tokens",
}
TELLING = {"do", "tell_later"}  # of office/cell.py: for use cases


def asked(source: str) -> Iterator[str]:
    """What a face asks beside the office; a variable or a field is a port's by its name or annotation."""
    tree = ast.parse(source)
    names = {name: name for name in PORTS}
    kinds = {"Stores": "stores", "Shown": "live", "Live": "live", "Desk": "desk"}
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None:
            for kind in ast.unparse(node.annotation).split(" | "):
                names |= {node.arg: kinds[kind]} if kind in kinds else {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name | ast.Attribute):
            own = node.value.id if isinstance(node.value, ast.Name) else node.value.attr
            if own in names and not node.attr.startswith("_") and node.attr in PORTS[names[own]]:
                yield f"{own}.{node.attr}"
        if isinstance(node, ast.ImportFrom) and node.module == "dialer.office.cell":
            yield from (one.name for one in node.names if one.name in TELLING)


def test_no_face_asks_stores_or_cells_beside_the_office() -> None:
    found = {f"{path.relative_to(ROOT)}: {what}" for path in FACES for what in asked(path.read_text())}
    assert found - WIRING == set(), "make a use case of it in dialer/office/"
    assert WIRING - found == set(), "these are gone: take them off the list"


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("async def f(parts): return await parts.stores.leads.get(1)", "stores.leads"),
        ("async def f(s: Stores): return await s.campaigns.all()", "s.campaigns"),
        ("async def f(parts): return [one for one in await parts.live.calls()]", "live.calls"),
        ("async def f(desk: Desk | None): await desk.do(1)", "desk.do"),
        ("from dialer.office.cell import Pushed, tell_later", "tell_later"),
    ],
)
def test_what_is_asked_beside_it_would_be_seen(source: str, what: str) -> None:
    assert list(asked(source)) == [what]
