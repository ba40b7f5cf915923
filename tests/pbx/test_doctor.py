"""The doctor on a real Asterisk: all well, and each piece broken one at a time."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import pytest_asyncio

from dialer.adapters.ari.push import trunk_objects
from dialer.adapters.doctor.asterisk import look_at_asterisk
from dialer.adapters.doctor.finding import Finding, Level
from dialer.cli.doctor import Known, look, where
from dialer.domain.trunk import Transport, Trunk
from dialer.domain.types import TrunkId
from dialer.lab.lab import Lab, Options
from dialer.lab.rootfs import ensure_asterisk
from dialer.lab.tested import release
from dialer.lab.tested import tested as written_version
from dialer.settings import Settings
from dialer.storage import open_database

Until = Callable[..., Awaitable[None]]


@dataclass(slots=True)
class Practice:
    """One installation to examine: settings that can be bent, findings by name."""

    environment: dict[str, str]

    def settings(self, **bent: Any) -> Settings:
        given = {name.removeprefix("DIALER_").lower(): value for name, value in self.environment.items()}
        return Settings(**{**given, **bent})

    async def findings(self, **bent: Any) -> dict[str, Finding]:
        return {finding.name: finding for finding in await look(self.settings(**bent))}

    async def finding(self, name: str, **bent: Any) -> Finding:
        found = await self.findings(**bent)
        assert name in found, f"no line {name!r} in {sorted(found)}"
        return found[name]


def practice_of(lab: Lab, folder: Path, template: Path) -> Practice:
    """Like the lab's own settings, with a database of this test's own."""
    shutil.copy(template, folder / "obzvon.db")
    return Practice({**lab.environment(), "DIALER_DATA_DIR": str(folder)})


@pytest_asyncio.fixture(loop_scope="session")
async def practice(ari: Any, tmp_path: Path, sqlite_template: Path) -> Practice:
    """The session's PBX, with the carrier known to Asterisk and to the database."""
    found = practice_of(ari.lab, tmp_path, sqlite_template)
    await add_trunk(found, Trunk(TrunkId("carrier"), ari.lab.trunk.host, ari.lab.trunk.port))
    return found


async def add_trunk(practice: Practice, trunk: Trunk) -> None:
    async with open_database(practice.settings()) as stores:
        await stores.trunks.add(trunk)


@contextlib.contextmanager
def closed_port() -> Any:
    """A port that nobody listens on, for as long as it is needed."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def broken(found: dict[str, Finding]) -> dict[str, str]:
    return {name: finding.text for name, finding in found.items() if finding.level is Level.FAIL}


# --- all well ---------------------------------------------------------------------------------------------


async def test_nothing_is_broken_in_a_lab_that_works(practice: Practice) -> None:
    found = await practice.findings()
    assert broken(found) == {}
    lines = {"asterisk", "ari user", "modules", "dialplan", "application", "link", "event lag", "clock"}
    lines |= {
        "sessionlimit",
        "trunk carrier",
        "ami",
        "feature codes",
        "service port",
        "service",
        "api",
        "name lookup",
        "database",
        "redis",
        "disk",
    }
    assert lines | {"sounds", "recordings", "secrets"} <= found.keys()
    assert all(finding.mend for finding in found.values() if finding.level is not Level.PASS)


async def test_the_examination_leaves_nothing_behind(practice: Practice, ari: Any) -> None:
    before = {each["name"] for each in await ari.send("GET", "applications")}
    await practice.findings()
    assert {each["name"] for each in await ari.send("GET", "applications")} == before


# --- Asterisk broken --------------------------------------------------------------------------------------


async def test_asterisk_that_is_away_is_one_line_and_the_others_go_on(practice: Practice) -> None:
    with closed_port() as port:
        found = await practice.findings(ari_http_url=f"http://127.0.0.1:{port}/ari")
    assert broken(found).keys() == {"asterisk"}
    assert "DIALER_ARI_HTTP_URL" in found["asterisk"].mend
    assert found["database"].level is Level.PASS


async def test_asterisk_that_is_frozen_holds_nobody_up(practice: Practice, ari: Any) -> None:
    ari.lab.pbx.suspend()
    try:
        async with asyncio.timeout(10):
            found = await practice.findings()
    finally:
        ari.lab.pbx.resume()
    assert {"asterisk", "ami"} <= broken(found).keys()
    assert "no answer" in found["asterisk"].text
    assert found["database"].level is Level.PASS


async def test_a_wrong_password_is_told_as_such(practice: Practice, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong")
    wrong.chmod(0o600)
    finding = await practice.finding("ari user", ari_password_file=wrong)
    assert (finding.level, "ari.conf" in finding.mend) == (Level.FAIL, True)
    finding = await practice.finding("ami", ami_password_file=wrong)
    assert (finding.level, "manager.conf" in finding.mend) == (Level.FAIL, True)


async def test_another_version_than_the_tested_one_is_told_with_both(practice: Practice) -> None:
    place = where(practice.settings(), Known())
    told = [one for one in await look_at_asterisk(replace(place, tested="22.99.0")) if one.name == "asterisk"]
    assert [one.level for one in told] == [Level.PASS, Level.WARN]
    assert "22.99.0 is the version this release was tested with; yours is " in told[1].text
    if release(ensure_asterisk(print).version) == written_version():
        assert "asterisk" not in {
            one.name for one in await look_at_asterisk(place) if one.level is not Level.PASS
        }


async def test_what_answers_and_is_no_ari_is_told(practice: Practice) -> None:
    url = practice.environment["DIALER_ARI_HTTP_URL"].replace("/ari", "/elsewhere")
    assert (await practice.finding("asterisk", ari_http_url=url)).level is Level.FAIL


async def test_a_missing_module_is_named(practice: Practice, ari: Any) -> None:
    await ari.send("DELETE", "asterisk/modules/app_echo.so")
    try:
        finding = await practice.finding("modules")
    finally:
        await ari.send("POST", "asterisk/modules/app_echo.so")
    assert finding.level is Level.FAIL
    assert "app_echo.so" in finding.text
    assert "module load app_echo.so" in finding.mend


@pytest.mark.parametrize(("found", "said"), [("0123456789ab", "another version"), ("", "not the dialer's")])
async def test_a_dialplan_of_another_version_is_told(
    practice: Practice, ari: Any, found: str, said: str
) -> None:
    path, name = "asterisk/variable", "OBZ_DIALPLAN"
    ours = (await ari.send("GET", path, variable=name))["value"]
    await ari.send("POST", path, variable=name, value=found)
    try:
        finding = await practice.finding("dialplan")
    finally:
        await ari.send("POST", path, variable=name, value=ours)
    assert (finding.level, said in finding.text) == (Level.FAIL, True)
    assert (await practice.finding("dialplan")).level is Level.PASS


async def test_an_application_that_asterisk_does_not_hold_is_told(practice: Practice) -> None:
    finding = await practice.finding("application", ari_app="nobody")
    assert (finding.level, "dialer-link" in finding.mend) == (Level.FAIL, True)


# --- trunks -----------------------------------------------------------------------------------------------


async def test_a_trunk_that_asterisk_does_not_have_is_no_fault_of_the_trunk(practice: Practice) -> None:
    await add_trunk(practice, Trunk(TrunkId("new"), "127.0.0.2"))
    finding = await practice.finding("trunk new")
    assert (finding.level, "trunk push new" in finding.mend) == (Level.WARN, True)


async def test_a_trunk_that_is_dead_is_told(practice: Practice, pushed: Push) -> None:
    with closed_port() as port:
        trunk = Trunk(TrunkId("dead"), "127.0.0.1", port)
        await add_trunk(practice, trunk)
        async with pushed(trunk, ""):
            finding = await practice.finding("trunk dead")
    assert finding.level is Level.FAIL
    assert "does not answer" in finding.text


async def test_a_trunk_that_wants_what_asterisk_does_not_have_is_told(practice: Practice) -> None:
    its = Trunk(TrunkId("safe"), "127.0.0.9", transport=Transport.TLS, codecs=("alaw", "g729"))
    await add_trunk(practice, its)
    finding = (await practice.findings())["abilities"]
    assert (finding.level, "cannot translate g729" in finding.text) == (Level.FAIL, True)
    assert finding.mend == "dialer trunk set safe --codecs alaw,g722,gsm,ulaw --transport tcp"
    async with open_database(practice.settings()) as stores:
        await stores.trunks.save(replace(its, codecs=("alaw",)))
    assert "no SIP transport tls" in broken(await practice.findings())["abilities"]


async def test_keys_in_clear_are_told(practice: Practice) -> None:
    await add_trunk(practice, Trunk(TrunkId("open"), "127.0.0.9", srtp=True))
    finding = (await practice.findings())["abilities"]
    assert (finding.level, "in clear over udp" in finding.text) == (Level.WARN, True)


async def test_a_trunk_whose_host_is_unknown_is_told(practice: Practice) -> None:
    await add_trunk(practice, Trunk(TrunkId("nowhere"), "no-such-host.invalid"))
    finding = await practice.finding("trunk nowhere")
    assert (finding.level, "is unknown" in finding.text) == (Level.FAIL, True)


async def test_a_refused_registration_is_told_and_one_that_works_is_well(
    practice: Practice, pushed: Push, ari: Any, until: Until
) -> None:
    account = ari.lab.trunk
    for name, password, level in (("good", account.password, Level.PASS), ("bad", "wrong", Level.FAIL)):
        trunk = Trunk(TrunkId(name), account.host, account.port, register=True, user=account.user)
        await add_trunk(practice, trunk)

        async def is_settled(name: str = name, level: Level = level) -> bool:
            return (await practice.finding(f"registration {name}")).level is level

        async with pushed(trunk, password):
            await until(is_settled, f"the registration of {name} is {level}", timeout_s=15.0)


Push = Callable[[Trunk, str], contextlib.AbstractAsyncContextManager[None]]


@pytest.fixture
def pushed(ari: Any) -> Push:
    """Gives Asterisk a trunk as the service does, and takes it away again."""

    @asynccontextmanager
    async def push(trunk: Trunk, password: str) -> AsyncIterator[None]:
        objects = trunk_objects(trunk, password)
        for item in objects:
            await ari.push(item.kind, item.id, **item.fields)
        try:
            yield
        finally:
            for item in reversed(objects):
                await ari.send(
                    "DELETE", f"asterisk/config/dynamic/res_pjsip/{item.kind}/{quote(item.id, safe='')}"
                )

    return push


# --- the rest broken --------------------------------------------------------------------------------------


async def test_a_port_taken_by_another_program_is_told(practice: Practice) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 hello\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        finding = await practice.finding("service port", ari_port=port)
    assert (finding.level, "ss -ltnp" in finding.mend) == (Level.FAIL, True)


async def test_a_database_or_redis_that_is_away_is_told_without_its_password(practice: Practice) -> None:
    with closed_port() as port:
        found = await practice.findings(
            database_url=f"postgresql://u:geheim@127.0.0.1:{port}/x",
            redis_url=f"redis://:geheim@127.0.0.1:{port}",
        )
    assert broken(found).keys() == {"database", "redis"}
    assert "geheim" not in " ".join(finding.text + finding.mend for finding in found.values())


async def test_a_database_without_tables_is_told(practice: Practice, tmp_path: Path) -> None:
    (tmp_path / "obzvon.db").unlink()
    finding = await practice.finding("database")
    assert (finding.level, finding.mend) == (Level.WARN, "dialer migrate")
    assert not (tmp_path / "obzvon.db").exists()


async def test_a_secret_that_others_may_read_is_told(practice: Practice, tmp_path: Path) -> None:
    copy = tmp_path / "ari"
    shutil.copy(practice.environment["DIALER_ARI_PASSWORD_FILE"], copy)
    copy.chmod(0o644)
    finding = await practice.finding("secrets", ari_password_file=copy)
    assert (finding.level, finding.mend) == (Level.WARN, f"chmod 600 {copy}")


async def test_folders_that_asterisk_does_not_see_are_told(practice: Practice) -> None:
    missing = Path("/nowhere/at/all")
    found = await practice.findings(sounds_dir=missing, recordings_dir=missing)
    assert broken(found).keys() == {"sounds", "recordings"}


# --- a PBX of its own, whose files are wrong --------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def spoilt() -> AsyncIterator[Lab]:
    """A PBX that serves few connections and whose ARI user may only look."""
    async with Lab.start(Options(phones=0)) as lab:
        await lab.pbx.stop()
        for name, was, becomes in (
            ("http.conf", "sessionlimit = 200", "session_limit = 200\nsessionlimit = 60"),
            ("ari.conf", "read_only = no", "read_only = yes"),
        ):
            path = lab.folder / "pbx" / "etc" / name
            text = path.read_text()
            assert was in text
            path.write_text(text.replace(was, becomes))
        await lab.pbx.start()
        yield lab


async def test_few_sessions_and_a_user_that_may_only_look_are_told(
    spoilt: Lab, tmp_path: Path, sqlite_template: Path
) -> None:
    found = await practice_of(spoilt, tmp_path, sqlite_template).findings()
    limit = found["sessionlimit"]
    assert limit.level is Level.WARN
    assert re.search(r"about (5[5-9]|60) HTTP", limit.text)  # the doctor's own connections count too
    assert "session_limit" in limit.mend
    assert (found["ari user"].level, "read_only = no" in found["ari user"].mend) == (Level.FAIL, True)


# --- the verb itself, beside a running service ------------------------------------------------------------


async def run_dialer(environment: dict[str, str], *args: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "dialer.cli",
        *args,
        env={**os.environ, "DIALER_LANGUAGE": "en", **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_the_doctor_sees_a_running_service_and_does_not_disturb_it(
    left_alone: Any, until: Until
) -> None:
    environment = left_alone.lab.environment()
    token = left_alone.lab.folder / "service" / "cli.token"
    service = await run_dialer(environment, "run")
    try:

        async def is_ready() -> bool:
            if service.returncode is not None:
                pytest.fail((await service.communicate())[1].decode())
            if not token.exists():
                return False
            found = await Practice(environment).findings()
            return found["service"].level is Level.PASS

        await until(is_ready, "the service is ready", timeout_s=40.0)
        doctor = await run_dialer(environment, "doctor", "--json")
        out, _ = await doctor.communicate()
        lines = {line["name"]: line for line in json.loads(out)}
        assert doctor.returncode == 0
        assert "the service listens" in lines["service port"]["text"]
        assert lines["service"]["level"] == "pass"
        assert (await Practice(environment).findings())["service"].level is Level.PASS
    finally:
        if service.returncode is None:
            service.send_signal(signal.SIGTERM)
        _, err = await service.communicate()
    assert service.returncode == 0
    assert b"Traceback" not in err
    assert not token.exists()


async def test_something_broken_is_exit_code_1(practice: Practice) -> None:
    with closed_port() as port:
        bent = {**practice.environment, "DIALER_ARI_HTTP_URL": f"http://127.0.0.1:{port}/ari"}
        doctor = await run_dialer(bent, "doctor")
        out, err = await doctor.communicate()
    assert (doctor.returncode, err) == (1, b"")
    assert b"fail asterisk" in out
    assert b"1 broken" in out
