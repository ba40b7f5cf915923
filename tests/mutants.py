"""`make mutants`: breaks one comparison or operator at a time, and says which breaks no test notices.

By default of the files in dialer/domain and dialer/engine that were changed since main; ARGS names others:
`make mutants ARGS="dialer/domain/kpi.py"`, `ARGS="--all --most 200 --seed 7"` for a sample of the domain.
A mutant that survives is a promise without a test, or a break that changes nothing: look at each.
"""

from __future__ import annotations

import argparse
import ast
import random
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import chdir
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.plugins import get_operator, operator_names
from cosmic_ray.testing import run_tests
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkResult

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
TIMEOUT_S = 120.0
QUIET = ("-x", "-q", "-p", "no:cacheprovider")
Place = tuple[int, int]


def main() -> int:
    asked = arguments()
    files = [Path(name) for name in asked.files] or (every() if asked.all else changed(asked.base))
    if not files:
        print(f"no file of {' or '.join(ROOMS)} was changed since {asked.base}: name some, or --all")
        return 0
    with tempfile.TemporaryDirectory(prefix="obzvon-mutants-") as folder:
        copy_to(Path(folder))
        with chdir(folder):  # a mutant is written to disk: never into the work tree
            if run_tests(command(), TIMEOUT_S)[0] is not TestOutcome.SURVIVED:
                print("the tests fail before anything is broken: mend that first")
                return 1
            return judge(files, asked)


def judge(files: Sequence[Path], asked: argparse.Namespace) -> int:
    """0 when enough of the mutants were noticed."""
    drawn = random.Random(asked.seed)
    mutants = [mutant for file in files for mutant in places(file, drawn)]
    if len(mutants) > asked.most:
        mutants = sorted(drawn.sample(mutants, asked.most), key=lambda one: (one.module_path, one.start_pos))
    survivors = []
    for n, mutant in enumerate(mutants, 1):
        result = tried(mutant)
        word = "noticed" if result.is_killed else "SURVIVES"
        where = f"{mutant.module_path}:{mutant.start_pos[0]}"
        print(f"{n}/{len(mutants)} {word} {where} {mutant.operator_name.partition('/')[2]}", flush=True)
        if not result.is_killed:
            survivors.append(result)
            print(result.diff or "", flush=True)
    noticed = len(mutants) - len(survivors)
    share = noticed / max(len(mutants), 1)
    print(f"{noticed} of {len(mutants)} mutants were noticed: {share:.1%}, asked for are {asked.least:.0%}")
    return 0 if share >= asked.least else 1


def tried(mutant: MutationSpec) -> WorkResult:
    """The tests of the file first, then all others of the core: the first that fails is enough."""
    module = mutant.module_path
    mirror = Path("tests/unit", *module.parts[1:-1], f"test_{module.stem}.py")
    return mutate_and_test([mutant], command(*([str(mirror)] if mirror.exists() else [])), TIMEOUT_S)


def command(*first: str) -> str:
    return " ".join([sys.executable, "-m", "pytest", *QUIET, *first, "tests/unit"])


def places(file: Path, drawn: random.Random) -> Iterator[MutationSpec]:
    """One break for each place that has one, drawn from those that are possible there."""
    source = file.read_text(encoding="utf-8")
    spared = annotations(ast.parse(source))
    at: dict[Place, list[MutationSpec]] = defaultdict(list)
    for spec in specs(file, source):
        if not any(begin <= spec.start_pos and spec.end_pos <= end for begin, end in spared):
            at[spec.start_pos].append(spec)
    for place in sorted(at):
        yield drawn.choice(at[place])


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
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.BinOp(op=ast.BitOr()) as value):
                found.append(value if name[:1].isupper() and not name.isupper() else None)  # a union of types
    spans = [each for each in found if each is not None]
    return [
        ((each.lineno, each.col_offset), (each.end_lineno or 0, each.end_col_offset or 0)) for each in spans
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
    parser.add_argument("--least", type=float, default=0.95, help="share that must be noticed")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
