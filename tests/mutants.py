"""`make mutants`: breaks one comparison or operator at a time, and says which breaks no test notices.

By default of the files in dialer/domain and dialer/engine that were changed since main; ARGS names others:
`make mutants ARGS="dialer/domain/kpi.py"`, `ARGS="--all --most 200 --seed 7"` for a sample of the domain.
A mutant that survives is a promise without a test, or a break that changes nothing: look at each.

Each mutant meets the tests that import its module first, then those of its room, then all of tests/unit: most
fall within a second. `--near` leaves out the last step, which takes a minute for each mutant that survives.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from difflib import unified_diff
from importlib.util import cache_from_source
from itertools import islice
from pathlib import Path

import hypothesis  # noqa: F401  what most tests import: a process for each break begins with them
import numpy as np  # noqa: F401
import pytest
import pytest_asyncio  # noqa: F401
import structlog  # noqa: F401
from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code, use_mutation
from cosmic_ray.plugins import get_operator, operator_names
from cosmic_ray.work_item import MutationSpec

ROOT = Path(__file__).parents[1]
ROOMS = ("dialer/domain", "dialer/engine")
KINDS = (
    "ReplaceComparisonOperator",
    "ReplaceBinaryOperator",
    "ReplaceUnaryOperator",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "AddNot",
)
SAME = ("Is_Eq", "Eq_Is", "IsNot_NotEq", "NotEq_IsNot")  # of members of an enum they are
CPU_S = 300
QUIET = ("-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist")
UNIT = Path("tests/unit")
Place = tuple[int, int]


def main() -> int:
    asked = arguments()
    files = [Path(name) for name in asked.files] or (every() if asked.all else changed(asked.base))
    if not files:
        print(f"no file of {' or '.join(ROOMS)} was changed since {asked.base}: name some, or --all")
        return 0
    with tempfile.TemporaryDirectory(prefix="obzvon-mutants-") as folder:
        begin(folder)
        whole = [str(UNIT / "domain")] if asked.near else [str(UNIT)]
        if not pass_(*whole):
            print("the tests fail before anything is broken: mend that first")
            return 1
        os.chdir(ROOT)
        return judge(files, asked, folder)


def begin(folder: str) -> None:
    """A mutant is written to disk: each process breaks a copy of its own, never the work tree."""
    own = Path(tempfile.mkdtemp(dir=folder))
    copy_to(own)
    os.chdir(own)


def judge(files: Sequence[Path], asked: argparse.Namespace, folder: str) -> int:
    """0 when enough of the mutants were noticed."""
    mutants = sample(files, random.Random(asked.seed), asked.most)
    survivors = 0
    with ProcessPoolExecutor(asked.workers, initializer=begin, initargs=(folder,)) as pool:
        results = pool.map(tried, mutants, [asked.near] * len(mutants))
        for n, (mutant, diff) in enumerate(zip(mutants, results, strict=True), 1):
            word = "SURVIVES" if diff else "noticed"
            where = f"{mutant.module_path}:{mutant.start_pos[0]}"
            print(f"{n}/{len(mutants)} {word} {where} {mutant.operator_name.partition('/')[2]}", flush=True)
            if diff:
                survivors += 1
                print(diff, flush=True)
    noticed = len(mutants) - survivors
    share = noticed / max(len(mutants), 1)
    print(f"{noticed} of {len(mutants)} mutants were noticed: {share:.1%}, asked for are {asked.least:.0%}")
    return 0 if share >= asked.least else 1


def tried(mutant: MutationSpec, near: bool) -> str:
    """The diff of a mutant that no test notices; empty when one does."""
    operator = get_operator(mutant.operator_name)()
    compiled = Path(cache_from_source(str(mutant.module_path)))  # goes by second and size: both may be equal
    compiled.unlink(missing_ok=True)
    with use_mutation(mutant.module_path, operator, mutant.occurrence) as (source, broken):
        # the tests that import the module first, then those of its room, then all, until one fails
        lives = all(pass_(*tests) for tests in rounds(mutant.module_path, near=near))
    compiled.unlink(missing_ok=True)
    lines = unified_diff(source.splitlines(), (broken or "").splitlines(), lineterm="", n=1)
    return "\n".join(lines) if lives else ""


def pass_(*tests: str) -> bool:
    """Whether these tests pass, in a process that has what they import from others already."""
    if not (child := os.fork()):
        code = 1
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))  # a break that never ends has been noticed
        sys.modules.pop("tests", None)
        sys.path[0] = os.getcwd()  # the copy
        try:
            hushed = os.open(os.devnull, os.O_WRONLY)
            os.dup2(hushed, 1)
            os.dup2(hushed, 2)
            code = int(pytest.main([*QUIET, *tests]))
        finally:
            os._exit(code)
    return os.waitpid(child, 0)[1] == 0


def rounds(module: Path, *, near: bool) -> Iterator[list[str]]:
    """Which tests a mutant of this module meets, one list after the other."""
    room = UNIT / module.parts[1]
    mirror = UNIT.joinpath(*module.parts[1:-1], f"test_{module.stem}.py")
    names = (".".join(module.with_suffix("").parts), f"{'.'.join(module.parts[:-1])} import {module.stem}")
    files = sorted(room.rglob("test_*.py"))
    first = [file for file in files if any(name in file.read_text(encoding="utf-8") for name in names)]
    first.sort(key=lambda file: file != mirror)
    if first:
        yield [str(file) for file in first]
    rest = [file for file in files if file not in first]
    if rest:
        yield [str(file) for file in rest]
    if not near:
        yield [str(file) for file in sorted(UNIT.rglob("test_*.py")) if file not in files]


def sample(files: Sequence[Path], drawn: random.Random, most: int) -> list[MutationSpec]:
    """One break for each place that has one, in the order of the files; `most` places at the most."""
    at = [place for file in files for place in places(file)]
    drawn.shuffle(at)
    some = (mutant for place in at if (mutant := picked(place, drawn)) is not None)
    return sorted(islice(some, most), key=lambda one: (one.module_path, one.start_pos))


def picked(place: list[MutationSpec], drawn: random.Random) -> MutationSpec | None:
    """One of the breaks that are possible there and leave a program."""
    drawn.shuffle(place)
    return next(filter(is_program, place), None)


def places(file: Path) -> list[list[MutationSpec]]:
    """The breaks that are possible at each place of a file."""
    source = file.read_text(encoding="utf-8")
    tree = ast.parse(source)
    spared = annotations(tree) + assertions(tree)
    at: dict[Place, list[MutationSpec]] = defaultdict(list)
    for spec in specs(file, source):
        if not any(begin <= spec.start_pos and spec.end_pos <= end for begin, end in spared):
            at[spec.start_pos].append(spec)
    return [at[place] for place in sorted(at)]


def is_program(spec: MutationSpec) -> bool:
    """Whether the broken file is Python at all: a syntax error says nothing about the tests."""
    source = spec.module_path.read_text(encoding="utf-8")
    broken = mutate_code(source, get_operator(spec.operator_name)(), spec.occurrence)
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(broken or source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


def specs(file: Path, source: str) -> Iterator[MutationSpec]:
    """All breaks of the kinds above that the tool knows for this file."""
    tree = get_ast(source)
    for name in operator_names():
        if not name.partition("/")[2].startswith(KINDS) or name.endswith(SAME):
            continue
        operator = get_operator(name)()
        occurrence = 0
        for node in ast_nodes(tree):
            for begin, end in operator.mutation_positions(node):
                yield MutationSpec(file, name, occurrence, begin, end)
                occurrence += 1


def annotations(tree: ast.AST) -> list[tuple[Place, Place]]:
    """Where types are written: a break there changes nothing."""
    found: list[ast.expr | None] = []
    for node in ast.walk(tree):
        match node:
            case ast.arg(annotation=annotation) | ast.AnnAssign(annotation=annotation):
                found.append(annotation)
            case ast.FunctionDef(returns=returns) | ast.AsyncFunctionDef(returns=returns):
                found.append(returns)
            case ast.Call(func=ast.Name(id="isinstance"), args=[_, kinds]):
                found.append(kinds)
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.BinOp(op=ast.BitOr()) as value):
                found.append(value if name[:1].isupper() and not name.isupper() else None)  # a union of types
    spans = [each for each in found if each is not None]
    return [
        ((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0)) for each in spans
    ]


def assertions(tree: ast.AST) -> list[tuple[Place, Place]]:
    """`@dataclass(frozen=True)` and `zip(strict=True)`: they change nothing that a right program does."""
    found: list[ast.expr] = []
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(decorator_list=decorators):
                found += decorators
            case ast.Call(func=ast.Name(id="zip"), keywords=keywords):
                found += [keyword.value for keyword in keywords]
    return [
        ((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0)) for each in found
    ]


def every() -> list[Path]:
    """The domain: the engine takes no decision."""
    return [file.relative_to(ROOT) for file in sorted((ROOT / ROOMS[0]).rglob("*.py"))]


def changed(base: str) -> list[Path]:
    """Committed since `base` or not committed at all."""
    asked = ("git", "diff", "--name-only", "--diff-filter=d", base, "--", *ROOMS)
    told = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in told.split() if name.endswith(".py")]


def copy_to(folder: Path) -> None:
    """Every file that git knows, as it is now."""
    told = subprocess.run(("git", "ls-files", "-z"), cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, told.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("files", nargs="*", help="of dialer/domain and dialer/engine")
    parser.add_argument("--all", action="store_true", help="the whole domain")
    parser.add_argument("--base", default="main", help="changed since this commit")
    parser.add_argument("--most", type=int, default=200, help="mutants at the most, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--near", action="store_true", help="only the tests of the same room: quick")
    parser.add_argument("--workers", type=int, default=2, help="so many mutants at a time")
    parser.add_argument("--least", type=float, default=0.95, help="share that must be noticed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
