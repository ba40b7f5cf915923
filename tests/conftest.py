"""Fixtures that every folder of tests may use."""

from __future__ import annotations

import asyncio
import gc
import logging
import shutil
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from tests.process import put_back
from tests.servers import Databases, Server, postgres_server, psql, redis_server, redis_url

pytest.register_assert_rewrite("tests.ports.switch", "tests.ports.outside")  # what differs is shown
__all__ = ["postgres_server", "redis_server", "redis_url"]


@pytest.fixture(autouse=True)
def fresh_log() -> Iterator[None]:
    """A test that configures the log does so for itself alone: no logger of a module keeps it."""
    before, configure = structlog.get_config(), structlog.configure

    def configure_uncached(**settings: object) -> None:
        configure(**{**settings, "cache_logger_on_first_use": False})

    structlog.configure = configure_uncached
    yield
    structlog.configure = configure
    configure(**before)


@pytest.fixture(autouse=True)
def own_process() -> Iterator[None]:
    """A verb that a test ran in Russian, or a signal that it caught, is not there for the next test."""
    with put_back():
        yield


@pytest.fixture
def quiet_log() -> Iterator[None]:
    """Failures only: thousands of lines of a day's log help nobody. Plain: to draw a traceback takes long."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR),
        processors=[structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)],
    )
    yield
    structlog.reset_defaults()


def migrated(url: str) -> None:
    """Makes the tables; imported here, because tests of the core start faster without SQL."""
    from dialer.adapters.sql.migrate import migrate  # noqa: PLC0415  as the docstring says

    asyncio.run(migrate(url))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with all tables, made once and copied."""
    file = tmp_path_factory.mktemp("sqlite") / "template.db"
    migrated(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated database of this test's own."""
    shutil.copy(sqlite_template, tmp_path / "test.db")
    return f"sqlite:///{tmp_path / 'test.db'}"


@pytest.fixture(scope="session")
def postgres_template(postgres_server: Server) -> str:
    assert psql(postgres_server, "CREATE DATABASE template_dialer")
    migrated(f"postgresql://dialer@127.0.0.1:{postgres_server.port}/template_dialer")
    return "template_dialer"


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: Server, postgres_template: str) -> Databases:
    return Databases(postgres_server, postgres_template)


@pytest.fixture
def postgres_url(postgres_server: Server, postgres_databases: Databases) -> Iterator[str]:
    """A migrated database of this test's own, without a row."""
    name = postgres_databases.take()
    yield f"postgresql://dialer@127.0.0.1:{postgres_server.port}/{name}"
    postgres_databases.give_back(name)


# Whose every test starts a lab of its own; in some files they share an office.
ALONE = ("calls_", "crash", "lab_instances", "operators_", "true_ends")
SHARED = (
    *("calls_back", "calls_control", "calls_dialing", "calls_endings", "calls_sound"),
    *("operators_on_demand", "operators_wrap_up"),
)
# Whose tests share the lab of their worker; what stands together meets one lab.
TOGETHER = (
    ("keys", "doctor", "sound_files", "lab_trunk"),
    ("lab_call", "lab_guard", "lab_phones", "lab_sipp"),
)
# Longest first: at the end no worker waits for another.
FIRST = (
    *("keys", "lab_call", "crash", "foreign", "calls_lost_ends", "true_ends", "restarts", "dashboards"),
    "calls_sound",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """As `--dist loadscope`, but what is dealt out is not a file: it is what shares a lab."""
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415  mutants are tried without it

    class ByLab(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return unit_of(nodeid)

    return ByLab(config, log) if config.getoption("dist") == "loadscope" else None


def unit_of(nodeid: str) -> str:
    """What is dealt out together with this test."""
    file = nodeid.partition("::")[0]
    folder, _, name = file.removesuffix(".py").rpartition("/test_")
    is_alone = name.startswith(ALONE) and name not in SHARED
    if folder == "tests/sim" or (folder == "tests/pbx" and is_alone):
        return nodeid
    return next((names[0] for names in TOGETHER if folder == "tests/pbx" and name in names), file)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those of FIRST before all others."""
    units = [unit_of(item.nodeid) for item in items]
    ranks = {unit: rank(unit) for unit in units}
    items[:] = [item for _, item in sorted(zip(units, items, strict=True), key=lambda pair: ranks[pair[0]])]


def rank(unit: str) -> int:
    name = unit.partition("::")[0].removesuffix(".py").removeprefix("tests/pbx/test_")
    return FIRST.index(name) if name in FIRST else len(FIRST)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is collected stays to the end: looking through it for garbage is a fifth of a quick run."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What each folder took, set-up and tear-down of its tests included; workers run side by side."""
    took_s: Counter[str] = Counter()
    tests: Counter[str] = Counter()
    for reports in terminalreporter.stats.values():
        for report in reports:
            if isinstance(report, pytest.TestReport):
                folder = "/".join(report.nodeid.partition("::")[0].split("/")[:2])
                took_s[folder] += report.duration
                tests[folder] += report.when == "call"
    if len(took_s) > 1:
        terminalreporter.section("time of each folder")
        for folder, seconds in took_s.most_common():
            terminalreporter.line(f"{seconds:7.1f} s  {tests[folder]:5} tests  {folder}")
