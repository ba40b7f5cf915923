"""Real servers for tests: PostgreSQL and Redis on loopback and on free ports, gone with the test run."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

READY_S = 20.0
PG_FOLDERS = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/local/bin")]


def binary(name: str) -> str:
    """The path of a server's program; the test fails with the way out when there is none."""
    found = shutil.which(name, path=os.pathsep.join([*map(str, PG_FOLDERS), os.environ["PATH"]]))
    if found is None:
        pytest.fail(f"{name} is not installed here: run `make setup`", pytrace=False)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(is_ready: Callable[[], bool], what: str, timeout_s: float = READY_S) -> None:
    """Poll until the condition holds; the test fails when it never does."""
    until_s = time.monotonic() + timeout_s
    while not is_ready():
        if time.monotonic() > until_s:
            pytest.fail(f"{what} did not happen within {timeout_s:g} s", pytrace=False)
        time.sleep(0.02)


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def as_user(user: str) -> list[str]:
    """A prefix that lays root down and dies with the test run; PostgreSQL refuses to run as root."""
    prefix = [binary("setpriv"), "--pdeathsig", "KILL"]
    if os.geteuid() != 0:
        return prefix
    found = pwd.getpwnam(user)
    return [*prefix, "--reuid", str(found.pw_uid), "--regid", str(found.pw_gid), "--clear-groups"]


def owned(folder: Path, user: str) -> Path:
    if os.geteuid() == 0:
        found = pwd.getpwnam(user)
        os.chown(folder, found.pw_uid, found.pw_gid)
    return folder


class Server:
    """One process that is started, killed and started again on the same port and folder."""

    def __init__(self, command: list[str], port: int, folder: Path) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port
        self.folder = folder

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log, cwd=self.folder)
        wait_until(self._is_up, f"the start of {self._command[-1]}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(READY_S)
            self._process = None

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def send(self, what: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(what)

    def _is_up(self) -> bool:
        assert self._process is not None
        if self._process.poll() is not None:
            pytest.fail(
                f"a server ended at once:\n{(self.folder / 'log').read_text()[-2000:]}", pytrace=False
            )
        return is_open(self.port)


@contextmanager
def temporary(prefix: str) -> Iterator[Path]:
    """A folder directly below /tmp: a socket's path must be short, and other users must reach it."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres(data: Path, run: Sequence[str], folder: Path, **options: object) -> Iterator[Server]:
    """The cluster that lies in `data`, started by the user of `run`, once it answers."""
    port = free_port()
    options |= {"port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder}
    flags = [
        flag for name, value in {"fsync": "off", **options}.items() for flag in ("-c", f"{name}={value}")
    ]
    server = Server([*run, binary("postgres"), "-D", str(data), *flags], port, folder)
    server.start()
    try:
        wait_until(lambda: psql(server, "SELECT 1"), "an answer of PostgreSQL")
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Server]:
    """A cluster that sorts like a language, as most real ones do."""
    user = next((name for name in ("postgres", "nobody") if _is_user(name)), "")
    with temporary("obz-pg-") as folder:
        data = folder / "data"
        run = [*as_user(user)]
        subprocess.run(
            [*run, binary("initdb"), "-D", data, "-U", "dialer", "-A", "trust", "-E", "UTF8", "--no-sync",
             "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US"],
            check=True, capture_output=True, cwd=owned(folder, user),
        )  # fmt: skip
        with postgres(data, [*run], folder, max_connections=100) as server:
            yield server


@pytest.fixture
def redis_server() -> Iterator[Server]:
    """Started for one test, which may kill it."""
    with temporary("obz-redis-") as folder:
        port = free_port()
        flags = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        server = Server([*as_user("nobody"), binary("redis-server"), *flags], port, owned(folder, "nobody"))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
def redis_url(redis_server: Server) -> str:
    return f"redis://127.0.0.1:{redis_server.port}/0"


def psql(server: Server, sql: str, database: str = "postgres") -> bool:
    """Whether it was done."""
    return _psql(server, "-qc", sql, database).returncode == 0


def found_by(server: Server, query: str, database: str = "") -> str:
    """The first value of what a query finds; empty: nothing, or nobody answers."""
    return _psql(server, "-Atc", query, database).stdout.strip()


# What tests must leave as the migrations made it: a column, an index, a trigger or a setting is new, or gone.
_LAYOUT = """
SELECT string_agg(concat(n, '/', latest), ' ') FROM (
    SELECT count(*) AS n, max(xmin::text::bigint) AS latest FROM pg_attribute WHERE attnum > 0
    UNION ALL SELECT count(*), max(xmin::text::bigint) FROM pg_constraint
    UNION ALL SELECT count(*), max(xmin::text::bigint) FROM pg_trigger
    UNION ALL SELECT count(*), max(xmin::text::bigint) FROM pg_proc
    UNION ALL SELECT count(*), max(xmin::text::bigint) FROM pg_namespace WHERE nspname !~ '^pg_'
    UNION ALL SELECT count(*), 0 FROM pg_db_role_setting AS its JOIN pg_database AS here
        ON here.oid = its.setdatabase WHERE here.datname = current_database()
) AS all_of_it
"""
# Nobody is connected any more, no table has a row, every sequence begins anew.
_EMPTY = """
SET lock_timeout = '5s';
SET session_replication_role = replica;
DO $$
DECLARE its record;
BEGIN
    PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR its IN SELECT oid::regclass AS name, pg_relation_size(oid) AS size FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version'
        AND pg_relation_size(oid) > 0 LOOP
        EXECUTE format(
            CASE WHEN its.size < 1000000 THEN 'DELETE FROM %s' ELSE 'TRUNCATE %s CASCADE' END, its.name);
    END LOOP;
    PERFORM setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace;
END $$;
"""


class Databases:
    """Empty migrated databases of one server: to empty a used one takes a sixth of the time of a new one."""

    def __init__(self, server: Server, template: str) -> None:
        self._server, self._template = server, template
        self._free: list[str] = []
        self._made = count(1)
        self._layout = found_by(server, _LAYOUT, template)

    def take(self) -> str:
        """The name of one that nobody uses."""
        if self._free:
            return self._free.pop()
        name = f"test_{next(self._made)}"
        made = f"CREATE DATABASE {name} TEMPLATE {self._template} STRATEGY FILE_COPY"  # a third of the time
        assert psql(self._server, made)
        return name

    def give_back(self, name: str) -> None:
        """For another test, where its tables are those of the template; else it is gone."""
        done = _psql(self._server, "-v", "ON_ERROR_STOP=1", "-qAtc", _EMPTY, "-c", _LAYOUT, name)
        if done.returncode == 0 and done.stdout.strip() == self._layout:
            self._free.append(name)
        else:
            psql(self._server, f"DROP DATABASE {name} WITH (FORCE)")


def _psql(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    where = ("-h", "127.0.0.1", "-p", str(server.port), "-U", "dialer")
    return subprocess.run([binary("psql"), *where, *words], check=False, capture_output=True, text=True)


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
