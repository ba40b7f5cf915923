"""Tries broken sources on the tests: for `make mutants`."""

from __future__ import annotations

import ast
import gc
import json
import os
import resource
import sys
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import _lru_cache_wrapper
from importlib.machinery import SourceFileLoader
from math import ceil
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import hypothesis
import numpy as np  # noqa: F401  what most tests import: a process for each break begins with them
import pytest
import pytest_asyncio  # noqa: F401
import structlog  # noqa: F401

UNIT, SIM = Path("tests/unit"), Path("tests/sim")
IMPORT = ""  # stands for no test: what is called while modules are imported
START_CPU_S = 10  # of Python and the imports
SLOWER = 5  # so many times its time a test may take: more never ends
QUIET = ("-x", "-q", "--tb", "no", "-p", "no:cacheprovider", "-p", "no:xdist")
HANGS_S = 180  # a test waits for nothing: much more than one takes on a busy machine
PASSED = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)  # the latter: their names have changed


@dataclass(frozen=True)
class Break:
    """One break of one file."""

    file: Path
    line: int
    source: str
    broken: str

    @property
    def function(self) -> str:
        """The innermost function whose body is broken, as `file:line` of its first line; line 0 for none."""
        around = 0
        for node in ast.walk(ast.parse(self.source)):
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef() if (
                    node.body[0].lineno <= self.line <= (node.end_lineno or 0)
                ):
                    around = max(around, min(each.lineno for each in (node, *node.decorator_list)))
        return f"{self.file}:{around}"


@dataclass(frozen=True)
class Reached:
    """By function, its tests; and how long each test takes."""

    tests: Mapping[str, Sequence[str]]
    took_s: Mapping[str, float]

    def can_be_swapped(self, one: Break) -> bool:
        """Whether nothing was worked out with it while modules were imported."""
        return IMPORT not in self.tests.get(one.function, (IMPORT,))

    def tests_of(self, one: Break, *, near: bool) -> list[str]:
        """Those that run its function, else those that import its module; then all others, unless near."""
        module = ".".join(one.file.with_suffix("").parts)
        names = (module, f"{module.rpartition('.')[0]} import {one.file.stem}")
        files = {test.partition("::")[0] for test in self.took_s}
        texts = {file: Path(file).read_text(encoding="utf-8") for file in files}
        imports = {file for file, text in texts.items() if any(name in text for name in names)}

        def is_close(test: str) -> bool:
            return test.partition("::")[0] in imports

        first = set(self.tests.get(one.function, ())) - {IMPORT}
        if not self.can_be_swapped(one):
            first.update(filter(is_close, self.took_s))
        chosen = first if near else self.took_s.keys()
        return sorted(chosen, key=lambda test: (test not in first, not is_close(test), self.took_s[test]))

    def limit_s(self, tests: Iterable[str]) -> float:
        """Of CPU: a break that never ends has been noticed."""
        return START_CPU_S + SLOWER * sum(self.took_s[test] for test in tests)


def tried(breaks: Sequence[Break], *, near: bool, sim: bool, workers: int) -> Iterator[tuple[int, bool]]:
    """For each break, by its place in the sequence, whether it lives: no test notices."""
    hypothesis.settings.register_profile(
        "mutants",
        database=None,
        derandomize=True,
        deadline=None,
        phases=(hypothesis.Phase.explicit, hypothesis.Phase.generate),
    )
    hypothesis.settings.load_profile("mutants")
    map_ = Path("reached.json")
    own = {UNIT / one.file.parts[1] for one in breaks} | set(UNIT.glob("test_*.py"))
    rooms = sorted(own) if near else [UNIT]
    rooms += [SIM] if sim else []
    if status(forked(lambda: run(rooms, Watch(breaks, map_)))) not in PASSED:
        failed = map_.is_file() and json.loads(map_.read_text(encoding="utf-8"))["failed"]
        sys.exit(f"the tests fail before anything is broken: mend that first: {failed or 'see pytest'}")
    seen = json.loads(map_.read_text(encoding="utf-8"))
    reached = Reached(seen["tests"], seen["took_s"])
    order = {at: reached.tests_of(one, near=near) for at, one in enumerate(breaks)}
    swaps = [at for at in order if reached.can_be_swapped(breaks[at])]
    reader, writer = os.pipe()

    def swap() -> int:
        os.close(reader)  # so that it ends when nobody hears it any more
        return run(rooms, Swaps(breaks, swaps, order, reached, writer, workers))

    swapper = forked(swap)
    os.close(writer)
    with open(reader, encoding="utf-8") as lines:
        for line in lines:
            at, code = map(int, line.split())
            yield at, code in PASSED
    if status(swapper):
        sys.exit("the breaks could not be tried")
    rest = {at: imported(breaks[at], order[at], reached) for at in order if at not in swaps}
    for at, code in side_by_side(rest, workers):
        yield at, code in PASSED


def imported(one: Break, tests: Sequence[str], reached: Reached) -> Callable[[], int]:
    """A run of these tests that imports the broken file."""

    def act() -> int:
        limit(reached.limit_s(tests))
        get_code = SourceFileLoader.get_code

        def broken(loader: SourceFileLoader, name: str) -> CodeType | None:
            if loader.path != str(one.file.absolute()):
                return get_code(loader, name)
            return compile(one.broken, loader.path, "exec", dont_inherit=True)

        SourceFileLoader.get_code = broken
        files = sorted({Path(test.partition("::")[0]) for test in tests})
        return run(files, Chosen(tests)) if files else 0

    return act


def run(files: Sequence[Path], plugin: object) -> int:
    """One run of pytest, which nobody hears."""
    hushed = os.open(os.devnull, os.O_WRONLY)
    os.dup2(hushed, 1)
    os.dup2(hushed, 2)
    sys.modules.pop("tests", None)
    sys.path[0] = os.getcwd()  # the copy
    return int(pytest.main([*QUIET, "--timeout", str(HANGS_S), *map(str, files)], [plugin]))


# --- processes


def forked(act: Callable[[], int]) -> int:
    """A process that does this and ends with its code."""
    if child := os.fork():
        return child
    code = 1
    try:
        code = act()
    finally:
        os._exit(code)


def status(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def side_by_side(acts: Mapping[int, Callable[[], int]], workers: int) -> Iterator[tuple[int, int]]:
    """Each in a process of its own, some at a time, with the code that it ended with."""
    waiting, running = list(acts.items()), dict[int, int]()
    while waiting or running:
        while waiting and len(running) < workers:
            at, act = waiting.pop(0)
            running[forked(act)] = at
        child, ended = os.wait()
        yield running.pop(child), os.waitstatus_to_exitcode(ended)


def limit(cpu_s: float) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (ceil(cpu_s),) * 2)


# --- plugins of pytest


class Watch:
    """Writes down which functions each test runs, and how long it takes."""

    def __init__(self, breaks: Sequence[Break], to: Path) -> None:
        self._names = {str(one.file.absolute()): str(one.file) for one in breaks}
        self._to = to
        self._test: str | None = IMPORT  # None behind a test: what it left behind is cleared away
        self._tests: defaultdict[str, set[str]] = defaultdict(set)
        self._took_s: Counter[str] = Counter()
        self._failed = list[str]()

    def pytest_sessionstart(self) -> None:
        threading.settrace(self._called)
        sys.settrace(self._called)

    def _called(self, frame: FrameType, event: str, arg: object) -> None:
        """Only calls are watched: to return nothing keeps lines out of it, which would take long."""
        if self._test is not None and (name := self._names.get(frame.f_code.co_filename)):
            self._tests[f"{name}:{frame.f_code.co_firstlineno}"].add(self._test)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        self._test = item.nodeid
        sys.settrace(self._called)
        try:
            return (yield)
        finally:
            self._test = None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._took_s[report.nodeid] += report.duration
        if report.failed:
            self._failed.append(report.nodeid)

    def pytest_sessionfinish(self) -> None:
        sys.settrace(None)
        tests = {at: sorted(found) for at, found in self._tests.items()}
        seen = {"tests": tests, "took_s": self._took_s, "failed": self._failed}
        self._to.write_text(json.dumps(seen), encoding="utf-8")


class Chosen:
    """Runs these tests in this order."""

    def __init__(self, tests: Sequence[str]) -> None:
        self._ranks = {test: rank for rank, test in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted(
            (item for item in items if item.nodeid in self._ranks), key=lambda item: self._ranks[item.nodeid]
        )


class Swaps:
    """Collects all tests once; then, in a fork for each break, puts broken code into its function."""

    def __init__(
        self,
        breaks: Sequence[Break],
        swaps: Sequence[int],
        order: Mapping[int, Sequence[str]],
        reached: Reached,
        writer: int,
        workers: int,
    ) -> None:
        self._breaks, self._swaps, self._order = breaks, swaps, order
        self._reached, self._writer, self._workers = reached, writer, workers

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        gc.unfreeze()
        live = gc.get_objects()
        self._functions = [one for one in live if isinstance(one, FunctionType)]
        self._caches = [one for one in live if isinstance(one, _lru_cache_wrapper)]
        gc.freeze()
        self._items = {item.nodeid: item for item in session.items}
        acts = {at: self._act(session, at) for at in self._swaps}
        for at, code in side_by_side(acts, self._workers):
            os.write(self._writer, f"{at} {code}\n".encode())
        return True

    def _act(self, session: pytest.Session, at: int) -> Callable[[], int]:
        def act() -> int:
            one, tests = self._breaks[at], self._order[at]
            limit(self._reached.limit_s(tests))
            if not self._swap(one):
                return 0
            items = [self._items[test] for test in tests]
            for item, next_ in zip(items, [*items[1:], None], strict=True):
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=next_)
                if session.testsfailed:
                    return 1
            return 0

        return act

    def _swap(self, one: Break) -> bool:
        """Whether any function that lives has other code now."""
        name = str(one.file.absolute())
        parts = (compile(text, name, "exec", dont_inherit=True) for text in (one.source, one.broken))
        new = {old: new for old, new in zip(*map(codes, parts), strict=True) if old != new}
        of_file = [each for each in self._functions if each.__code__.co_filename == name]
        swapped = [each for each in of_file if each.__code__ in new]
        for each in swapped:
            each.__code__ = new[each.__code__]
        for cache in self._caches:
            cache.cache_clear()
        return bool(swapped)


def codes(code: CodeType) -> Iterator[CodeType]:
    """This and all that is within it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from codes(each)
