"""`dialer asterisk`: what `--set` was told once holds, and what Asterisk would not obey is refused."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.conftest import Dialer


@pytest.fixture
def target(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("ari", "ami"):
        secret = home / f"{name}.secret"
        secret.touch(mode=0o600)
        secret.write_text("not-told-to-anybody")
        monkeypatch.setenv(f"DIALER_{name.upper()}_PASSWORD_FILE", str(secret))
    return home / "etc"


def write(dialer: Dialer, target: Path, home: Path, *knobs: str) -> str:
    words = [word for knob in (f"MOH_DIR={home}/moh", *knobs) for word in ("--set", knob)]
    told = dialer("asterisk", "--to", target, *words)
    assert told.code == 0, told.err
    return told.err


def test_a_knob_that_was_set_once_holds_until_it_is_forgotten(
    dialer: Dialer, target: Path, home: Path
) -> None:
    write(dialer, target, home, "SIP_PORT=5070", "TONE_COUNTRY=us")
    told = write(dialer, target, home, "SIP_PORT=5080")
    assert "from earlier times: TONE_COUNTRY=us" in told
    pjsip = (target / "pjsip.conf").read_text()
    assert (":5080" in pjsip, ":5070" in pjsip) == (True, False)
    assert "country = us" in (target / "indications.conf").read_text()
    assert stat.S_IMODE((target / "obzvon.knobs").stat().st_mode) == 0o640
    assert "SIP_PORT" not in write(dialer, target, home, "SIP_PORT=", "TONE_COUNTRY=")
    assert ":5060" in (target / "pjsip.conf").read_text()


@pytest.mark.parametrize(
    ("knob", "why"),
    [
        ("SIP_PORT=70000", "give a port"),
        ("SIP_PORT=sip", "give a port"),
        ("SIP_ADDRESS=pbx.example.org", "give one address"),
        ("TONE_COUNTRY=fr", "take one of ru, us, uk, de"),
        ("SERVICE_TLS=maybe", "take one of yes, no"),
        ("INBOUND_GUARD_S=soon", "whole number of seconds"),
        ("LOG_DIR=logs", "whole path"),
        ("RTP_START=20000", "RTP_START 20000 is not before RTP_END 19999"),
        ("NOPE=1", "there is no knob NOPE"),
        ("NOPE=", "there is no knob NOPE"),
    ],
)
def test_what_asterisk_would_not_obey_is_refused_and_not_kept(
    dialer: Dialer, target: Path, home: Path, knob: str, why: str
) -> None:
    write(dialer, target, home)
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    told = dialer("asterisk", "--to", target, "--set", knob)
    assert (told.code, why in told.err) == (1, True), told.err
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before
