"""`make mutants`: breaks one comparison or operator at a time, and says which breaks no test notices.

By default of the files in dialer/domain and dialer/engine that were changed since main; ARGS names others:
`make mutants ARGS="dialer/domain/kpi.py"`, `ARGS="dialer/domain --most 200 --seed 7"` for a sample of a
folder, `--all` of both.
A mutant that survives is a promise without a test, or a break that changes nothing: look at each.

The tests are collected once and run once, to see which of them runs which function. In a fork each mutant
meets the tests that run its function (tests/broken.py), first those that import its module. One that lives
meets all others of tests/unit as well; `--near` leaves that out, and asks the tests of the same room alone.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from difflib import unified_diff
from functools import cache
from itertools import islice
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names
from cosmic_ray.work_item import MutationSpec

from tests.broken import Break, tried

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
Place = tuple[int, int]


def main() -> int:
    asked = arguments()
    os.chdir(ROOT)
    files = below(asked.files) or (below(ROOMS) if asked.all else changed(asked.base))
    if not files:
        print(f"no file of {' or '.join(ROOMS)} was changed since {asked.base}: name some, or --all")
        return 0
    with tempfile.TemporaryDirectory(prefix="obzvon-mutants-") as folder:
        copy_to(Path(folder))  # what is edited meanwhile changes nothing here
        os.chdir(folder)
        try:
            return judge(sample(files, random.Random(asked.seed), asked.most), asked)
        finally:
            os.chdir(ROOT)


def judge(mutants: Sequence[MutationSpec], asked: argparse.Namespace) -> int:
    """0 when enough of the mutants were noticed."""
    survivors: Counter[Path] = Counter()
    breaks = [broken(mutant) for mutant in mutants]
    for n, (at, lives) in enumerate(tried(breaks, near=asked.near, sim=asked.sim, workers=asked.workers), 1):
        mutant = mutants[at]
        word = "SURVIVES" if lives else "noticed"
        where = f"{mutant.module_path}:{mutant.start_pos[0]}"
        print(f"{n}/{len(mutants)} {word} {where} {mutant.operator_name.partition('/')[2]}", flush=True)
        if lives:
            survivors[mutant.module_path] += 1
            lines = (breaks[at].source.splitlines(), breaks[at].broken.splitlines())
            print(*list(unified_diff(*lines, lineterm="", n=1))[2:], sep="\n", flush=True)
    tried_in = Counter(mutant.module_path for mutant in mutants)
    for file, lived in survivors.most_common():
        print(f"{lived} of {tried_in[file]} survive in {file}")
    noticed = len(mutants) - survivors.total()
    share = noticed / max(len(mutants), 1)
    print(f"{noticed} of {len(mutants)} mutants were noticed: {share:.1%}, asked for are {asked.least:.0%}")
    return 0 if share >= asked.least else 1


def broken(mutant: MutationSpec) -> Break:
    """The file as it is, and as this mutant would have it."""
    source = mutant.module_path.read_text(encoding="utf-8")
    changed_ = mutated(mutant.module_path, mutant.operator_name, mutant.occurrence)
    return Break(mutant.module_path, mutant.start_pos[0], source, changed_)


@cache  # asked twice of each break that is tried, and each time the file is parsed
def mutated(file: Path, operator: str, occurrence: int) -> str:
    source = file.read_text(encoding="utf-8")
    return mutate_code(source, get_operator(operator)(), occurrence) or source


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
    between = operators(tree)
    at: dict[Place, list[MutationSpec]] = defaultdict(list)
    for spec in specs(file, source):
        is_star = "BinaryOperator" in spec.operator_name and not lies_in(between, spec)  # `*, key`, `**all`
        if not is_star and not lies_in(spared, spec):
            at[spec.start_pos].append(spec)
    return [at[place] for place in sorted(at)]


def lies_in(spans: Sequence[tuple[Place, Place]], spec: MutationSpec) -> bool:
    return any(begin <= spec.start_pos and spec.end_pos <= end for begin, end in spans)


def operators(tree: ast.AST) -> list[tuple[Place, Place]]:
    """Where the operators of two values stand."""
    return [
        ((left.end_lineno or 0, left.end_col_offset or 0), (right.lineno, right.col_offset))
        for node in ast.walk(tree)
        for left, right in both_sides(node)
    ]


def both_sides(node: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    match node:
        case ast.BinOp(left=left, right=right) | ast.AugAssign(target=left, value=right):
            yield left, right


def is_program(spec: MutationSpec) -> bool:
    """Whether the broken file is Python at all: a syntax error says nothing about the tests."""
    try:
        with warnings.catch_warnings(action="ignore"):
            compile(mutated(spec.module_path, spec.operator_name, spec.occurrence), "mutant", "exec")
    except SyntaxError:
        return False
    return True


def specs(file: Path, source: str) -> Iterator[MutationSpec]:
    """All breaks of the kinds above that the tool knows for this file."""
    nodes = list(ast_nodes(get_ast(source)))  # walked once: there are some two hundred operators
    for name in operator_names():
        if not name.partition("/")[2].startswith(KINDS) or name.endswith(SAME):
            continue
        operator = get_operator(name)()
        occurrence = 0
        for node in nodes:
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


def below(names: Sequence[str]) -> list[Path]:
    """These files, and all those of these folders."""
    return [
        file
        for place in map(Path, names)
        for file in (sorted(place.rglob("*.py")) if place.is_dir() else [place])
    ]


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
    parser.add_argument("files", nargs="*", help="or folders, of dialer/domain and dialer/engine")
    parser.add_argument("--all", action="store_true", help="the whole domain and engine")
    parser.add_argument("--base", default="main", help="changed since this commit")
    parser.add_argument("--most", type=int, default=200, help="mutants at the most, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--near", action="store_true", help="only tests of the same room that run the broken function: quick"
    )
    parser.add_argument("--sim", action="store_true", help="tests/sim as well: minutes more")
    parser.add_argument("--workers", type=int, default=2, help="so many mutants at a time")
    parser.add_argument("--least", type=float, default=0.95, help="share that must be noticed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
