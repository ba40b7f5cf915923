"""The production configuration: every knob is filled in, every bad value refused, nothing half-done."""

from __future__ import annotations

import re
import wave
from pathlib import Path

import pytest

from asterisk_conf import sounds
from asterisk_conf.render import DIALPLAN, HERE, KNOB, KNOBS, WHEN, conf_files, dialplan, fill_in, render
from dialer.domain.errors import BadValue

SECRETS = {"ARI_PASSWORD": "s3cret-of-ari", "AMI_SECRET": "s3cret-of-ami", "AGI_SECRET": "s3cret-of-agi-1234"}
PRODUCTION = [path.name for path in conf_files()]


def test_every_file_is_written_with_every_knob_filled_in(tmp_path: Path) -> None:
    written = render(tmp_path / "etc", SECRETS)
    assert (
        sorted(path.name for path in written)
        == sorted(PRODUCTION)
        == sorted(each.name for each in (tmp_path / "etc").iterdir())
    )
    for path in written:
        assert "@@" not in path.read_text(), path.name
    assert f"password = {SECRETS['ARI_PASSWORD']}" in (tmp_path / "etc/ari.conf").read_text()


def test_files_and_folder_are_closed_to_others(tmp_path: Path) -> None:
    written = render(tmp_path / "etc", SECRETS)
    assert {path.stat().st_mode & 0o777 for path in written} == {0o640}
    assert (tmp_path / "etc").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("value", ["a\nb", "a;b", "a\rb", "a\x00b", "a\x1b[0m", "a\u2028b", "", "  "])
def test_a_value_that_would_break_a_file_is_refused_by_name(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadValue, match="the knob CELL"):
        render(tmp_path / "etc", {**SECRETS, "CELL": value})
    assert not (tmp_path / "etc").exists()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OUTER_ADDRESS", "203.0.113.10 10.0.0.1"),
        ("OUTER_ADDRESS", "sip:203.0.113.10"),
        ("OUTER_ADDRESS", "-dialer.example"),
        ("LOCAL_NETS", "10.0.0.0/8,"),
        ("LOCAL_NETS", "10.0.0.1/8"),
        ("LOCAL_NETS", "10.0.0.0/33"),
        ("LOCAL_NETS", "home"),
    ],
)
def test_an_address_that_would_cost_asterisk_its_sip_is_refused(
    tmp_path: Path, name: str, value: str
) -> None:
    with pytest.raises(BadValue, match=f"the knob {name}"):
        render(tmp_path / "etc", {**SECRETS, name: value})
    assert not (tmp_path / "etc").exists()


def test_behind_nat_every_transport_has_the_outer_address(tmp_path: Path) -> None:
    for tls, transports in (("no", 2), ("yes", 3)):
        render(tmp_path, {**SECRETS, "OUTER_ADDRESS": "203.0.113.10", "SIP_TLS": tls})
        text = (tmp_path / "pjsip.conf").read_text()
        for line in ("external_signaling_address = 203.0.113.10", "external_media_address = 203.0.113.10"):
            assert text.count(line) == text.count("type = transport") == transports


def test_tls_is_there_when_it_is_asked_for_and_by_no_other_word(tmp_path: Path) -> None:
    render(tmp_path, SECRETS)
    assert "[tls]" not in (tmp_path / "pjsip.conf").read_text()
    render(tmp_path, {**SECRETS, "SIP_TLS": "yes", "KEYS_DIR": "/keys"})
    text = (tmp_path / "pjsip.conf").read_text()
    assert "\n[tls]\ntype = transport\nprotocol = tls\nbind = 0.0.0.0:5061\n" in text
    assert "\ncert_file = /keys/sip.crt\n" in text
    assert ";?" not in text
    with pytest.raises(BadValue, match="take one of yes, no"):
        render(tmp_path, {**SECRETS, "SIP_TLS": "on"})


def test_no_outer_address_may_be_said_in_words(tmp_path: Path) -> None:
    assert render(tmp_path, {**SECRETS, "OUTER_ADDRESS": ""})


def test_an_unknown_knob_is_refused_with_the_list_of_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"no knob HTTP_PROT.*HTTP_PORT"):
        render(tmp_path / "etc", {**SECRETS, "HTTP_PROT": "1"})


@pytest.mark.parametrize("missing", SECRETS)
def test_secrets_have_no_default(tmp_path: Path, missing: str) -> None:
    with pytest.raises(BadValue, match=f"no value for {missing}"):
        render(tmp_path / "etc", {name: value for name, value in SECRETS.items() if name != missing})
    assert not (tmp_path / "etc").exists()


def test_a_file_that_asks_for_an_unknown_knob_is_named() -> None:
    with pytest.raises(BadValue, match=r"http\.conf asks for the knob NOSUCH"):
        fill_in("bindport = @@NOSUCH@@", {}, "http.conf")


def test_rendering_again_replaces_every_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    render(tmp_path, SECRETS)
    render(tmp_path, {**SECRETS, "HTTP_PORT": "18088"})
    assert "bindport = 18088" in (tmp_path / "http.conf").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(PRODUCTION)


def test_no_knob_is_declared_for_nothing() -> None:
    texts = [path.read_text() for path in conf_files()]
    used = {name for text in texts for name in KNOB.findall(text)}
    used |= {name for text in texts for name, _ in WHEN.findall(text)}
    assert used == {knob.name for knob in KNOBS} | {DIALPLAN}


def test_the_dialplan_is_told_by_its_lines_not_by_its_comments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, file = dialplan(), tmp_path / "extensions.conf"
    monkeypatch.setattr("asterisk_conf.render.HERE", tmp_path)
    text = (HERE / "extensions.conf").read_text()
    file.write_text(text + "\n; a word more\n")
    assert dialplan() == ours
    file.write_text(text + "\n same => n,NoOp()\n")
    assert dialplan() != ours


def test_what_is_written_names_the_dialplan(tmp_path: Path) -> None:
    render(tmp_path, SECRETS)
    assert f"OBZ_DIALPLAN = {dialplan()}\n" in (tmp_path / "extensions.conf").read_text()


def test_the_readme_names_each_knob_with_its_default_and_its_readers() -> None:
    readme = (HERE / "README.md").read_text()
    for knob in KNOBS:
        row = next(line for line in readme.splitlines() if line.startswith(f"| {knob.name} |"))
        assert [cell.strip(" `") for cell in row.strip("|").split("|")] == [
            knob.name,
            knob.default or "",
            knob.meaning,
            knob.read_by,
        ]


def test_the_readme_names_each_file() -> None:
    readme = (HERE / "README.md").read_text()
    assert [name for name in PRODUCTION if name not in readme] == []


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.conf")), ids=lambda path: str(path.relative_to(HERE)))
def test_each_file_says_first_what_it_is_for(path: Path) -> None:
    first = path.read_text().splitlines()[0]
    assert re.fullmatch(r"; [A-Z].{20,}[.:,\w]", first), first


def test_settings_of_the_service_that_the_knobs_name_exist() -> None:
    settings = (HERE.parent / "dialer/settings.py").read_text()
    for name in set(re.findall(r"DIALER_([A-Z_]+)", (HERE / "README.md").read_text())):
        assert re.search(rf"^    {name.lower()}: ", settings, re.MULTILINE), name


def test_modules_are_loaded_by_name_only_and_once() -> None:
    for path in HERE.rglob("modules.conf"):
        text = path.read_text()
        named = re.findall(r"^(?:require|load) = (\S+)$", text, re.MULTILINE)
        assert "autoload = no" in text
        assert len(named) == len(set(named)), path


@pytest.mark.parametrize("make", [sounds.moh, sounds.message, sounds.press1, sounds.greeting])
def test_sounds_are_what_asterisk_plays_without_conversion(tmp_path: Path, make: object) -> None:
    assert callable(make)
    with wave.open(str(make(tmp_path / "made/sound.wav")), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        assert file.getnframes() > 8000 * 0.5
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["sound.wav"]


def test_no_sound_is_louder_than_a_line_can_carry() -> None:
    for parts in (sounds.MOH, sounds.MESSAGE, sounds.PRESS1, sounds.GREETING):
        assert 1000 < max(abs(sample) for sample in sounds.samples(parts)) < 32767 * 0.3
