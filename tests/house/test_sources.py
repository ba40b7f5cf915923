"""The house: a core without I/O, files and functions that one can read, every room in the contract."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("dialer", "agi", "asterisk_conf", "dashboards")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
DOMAIN = [path for path in SOURCES if "dialer/domain" in str(path)]

LONGEST_FILE, LONGEST_FUNCTION, MOST_ARGUMENTS, WIDEST_PORT = 500, 50, 8, 12

# What is larger, and why that reads better than its pieces would.
LONG_FILES: dict[str, str] = {}
MIGRATION = "dialer/adapters/sql/migrations/versions/v0001_first_tables.py"
LONG_FUNCTIONS = {
    f"{MIGRATION}:_settings": "a list of columns, with nothing to understand between them",
    f"{MIGRATION}:_lists": "a list of columns, with nothing to understand between them",
}
MANY_ARGUMENTS = {
    "dialer/cli/simulate.py:simulate": "a verb: one option each",
    "dialer/engine/pacer.py:Pacer.__init__": "wiring: the parts that it works with",
    "dialer/web/app.py:build_app": "wiring: the parts that it works with",
}

PURE = frozenset(
    {
        "__future__",
        "abc",
        "array",
        "bisect",
        "collections",
        "collections.abc",
        "contextlib",
        "dataclasses",
        "datetime",
    }
    | {"decimal", "enum", "functools", "heapq", "itertools", "math", "operator", "re", "statistics", "string"}
    | {"types", "typing", "hashlib", "fractions", "copy", "base64"}
)
CLOCKS = frozenset({"now", "utcnow", "today"})
DOING = frozenset({"open", "print", "input", "exec", "eval", "__import__"})


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def functions_of(path: Path) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Each by its class as well: of two with one name, the longer must not hide behind the other."""

    def below(outer: ast.AST, place: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
        for node in ast.iter_child_nodes(outer):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield f"{name_of(path)}:{place}{node.name}", node
            named = isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            yield from below(node, f"{place}{node.name}." if named else place)

    yield from below(tree_of(path), "")


def test_files_are_short_enough_to_read() -> None:
    lengths = {name_of(path): len(path.read_text().splitlines()) for path in SOURCES}
    long = {name: length for name, length in lengths.items() if length > LONGEST_FILE}
    assert long.keys() - LONG_FILES.keys() == set(), f"split these, or say why not: {long}"
    assert LONG_FILES.keys() <= long.keys(), "these are short enough: take them off the list"


def test_functions_are_short_enough_to_read() -> None:
    found = [each for path in SOURCES for each in functions_of(path)]
    lengths = {name: (node.end_lineno or 0) - node.lineno + 1 for name, node in found}
    long = {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION}
    assert long.keys() - LONG_FUNCTIONS.keys() == set(), f"split these, or say why not: {long}"
    assert LONG_FUNCTIONS.keys() <= long.keys(), "these are short enough: take them off the list"


def test_functions_take_few_arguments() -> None:
    counts = {}
    for path in SOURCES:
        for name, node in functions_of(path):
            given = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            counts[name] = len([one for one in given if one.arg not in ("self", "cls")])
    many = {name: count for name, count in counts.items() if count > MOST_ARGUMENTS}
    assert many.keys() - MANY_ARGUMENTS.keys() == set(), f"group these, or say why not: {many}"
    assert MANY_ARGUMENTS.keys() <= many.keys(), "these take few enough: take them off the list"


def test_ports_are_narrow() -> None:
    """Whoever takes a port can see what it needs; a port that joins others adds nothing of its own."""
    wide = {}
    for path in (ROOT / "dialer" / "ports").glob("*.py"):
        for node in tree_of(path).body:
            if isinstance(node, ast.ClassDef) and (bases := [ast.unparse(each) for each in node.bases]):
                own = sum(isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef)) for each in node.body)
                wide[node.name] = own if bases == ["Protocol"] else own * WIDEST_PORT
    assert len(wide) > 20
    assert {name: count for name, count in wide.items() if count > WIDEST_PORT} == {}


def test_every_module_says_in_one_line_what_it_is_for() -> None:
    silent = [name_of(path) for path in SOURCES if not (ast.get_docstring(tree_of(path)) or "").strip()]
    assert silent == []


@pytest.mark.parametrize("path", DOMAIN, ids=name_of)
def test_the_core_imports_nothing_that_acts(path: Path) -> None:
    allowed = PURE | ({"numpy", "numpy.typing"} if path.parent.name == "pacing" else set())
    strange = [one for one in imports_of(path) if one not in allowed and not one.startswith("dialer.domain")]
    assert strange == []
    assert all(one.partition(".")[0] in sys.stdlib_module_names for one in PURE)


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_what_tests_of_the_core_import_loads_within_a_moment() -> None:
    """Web, SQL and command line would cost each run of tests/unit, and each of its workers, seconds."""
    quick = ("domain", "ports", "engine", "sim", "rehearsal", "adapters.fitting", "adapters.memory",
             "adapters.languages")  # fmt: skip
    allowed = (*(f"dialer.{room}" for room in quick), "tests.unit.")
    for path in (ROOT / "tests" / "unit").rglob("*.py"):
        ours = [one for one in imports_of(path) if one.startswith((*PACKAGES, "bench", "tests"))]
        assert [one for one in ours if not one.startswith(allowed)] == [], path.name


@pytest.mark.parametrize("path", DOMAIN, ids=name_of)
def test_the_core_waits_for_nothing_and_reads_no_clock(path: Path) -> None:
    assert list(deeds_of(path)) == []


def deeds_of(path: Path) -> Iterator[str]:
    """What a pure function does not do, with its line."""
    waiting = (ast.AsyncFunctionDef, ast.AsyncFor, ast.AsyncWith, ast.Await)
    for node in ast.walk(tree_of(path)):
        if isinstance(node, waiting):
            yield f"line {node.lineno}: {type(node).__name__}"
        elif isinstance(node, ast.Attribute) and node.attr in CLOCKS and is_clock(node.value):
            yield f"line {node.lineno}: {node.attr}()"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in DOING:
            yield f"line {node.lineno}: {node.func.id}()"


def is_clock(node: ast.expr) -> bool:
    """`datetime.now`, `date.today`; a field of ours that is called `now` is none."""
    return isinstance(node, ast.Name) and node.id in ("datetime", "date", "dt")


@pytest.mark.parametrize(
    ("source", "deed"),
    [
        ("async def f(): ...", "AsyncFunctionDef"),
        ("from datetime import datetime\nat = datetime.now()", "now()"),
        ("print(1)", "print()"),
    ],
)
def test_a_deed_in_the_core_would_be_seen(tmp_path: Path, source: str, deed: str) -> None:
    path = tmp_path / "core.py"
    path.write_text(source)
    assert [told for told in deeds_of(path) if told.endswith(deed)]


def test_every_room_has_its_floor_in_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = " ".join(next(one["layers"] for one in contracts if one["type"] == "layers"))
    names = [path.relative_to(ROOT).parts for path in SOURCES]
    rooms = {parts[1].removesuffix(".py") for parts in names if parts[0] == "dialer"} - {"__init__"}
    known = {one.strip("() ") for one in layers.replace("|", " ").split()}
    assert {f"dialer.{room}" for room in rooms} - known == set()
