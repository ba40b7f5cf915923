"""What can be promised of the stack without an engine; `make stack-test` runs it."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from asterisk_conf.render import KNOBS
from dialer.settings import Settings

ROOT = Path(__file__).parents[2]
DOCKER = ROOT / "docker"
_SPEC = importlib.util.spec_from_file_location("pins", DOCKER / "pins.py")
assert _SPEC is not None and _SPEC.loader is not None
PINS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(PINS)
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
SAMPLE = dict(
    line.split("=", 1) for line in (DOCKER / "env.sample").read_text().splitlines() if line and line[0] != "#"
)
OURS = {name: one for name, one in SERVICES.items() if one["image"].startswith("obzvon/service:")}
VARIABLE = re.compile(r"\$\{([A-Z_]+):-([^}]*)\}")
BEYOND_LOOPBACK = re.compile(r"(?<![\d.])(0\.0\.0\.0|\[?::\]?|\*)(?=[:\s\"']|$)")

services = pytest.mark.parametrize("name", SERVICES)


def filled(text: object) -> str:
    """With the defaults that the file gives."""
    return VARIABLE.sub(lambda found: found[2], str(text))


def seconds(text: str) -> float:
    return float(filled(text).removesuffix("s"))


# --- settings ---------------------------------------------------------------------------------------------


def test_every_setting_in_the_stack_exists_and_has_a_value_that_it_takes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, one in OURS.items():
        given = {key: filled(value) for key, value in one["environment"].items()}
        unknown = {key for key in given if key.startswith("DIALER_")} - {
            f"DIALER_{field.upper()}" for field in Settings.model_fields
        }
        assert not unknown, name
        for key, value in given.items():
            if key.endswith("_FILE"):
                there = tmp_path / Path(value).name
                there.write_text("secret\n")
                value = str(there)  # noqa: PLW2901  as the engine mounts it
            monkeypatch.setenv(key, value)
        assert Settings().drain_s == 120


def test_every_knob_given_to_asterisk_exists() -> None:
    words = SERVICES["config"]["command"]
    given = {words[index + 1].partition("=")[0] for index, word in enumerate(words) if word == "--set"}
    assert given and given <= {knob.name for knob in KNOBS}


def test_the_sample_has_every_variable_with_the_default_of_the_stack() -> None:
    used = dict(VARIABLE.findall((DOCKER / "compose.yml").read_text()))
    assert used.keys() - SAMPLE.keys() == {"OBZVON_VERSION"}
    assert {name: SAMPLE[name] for name in used if name in SAMPLE} == {
        name: default for name, default in used.items() if name in SAMPLE
    } | {"TZ": "Europe/Moscow"}


# --- images -----------------------------------------------------------------------------------------------


PINNED = re.compile(r"[^\s@:]+:[^\s@:]*\d[^\s@:]*@sha256:[0-9a-f]{64}|debian:sid-slim@sha256:[0-9a-f]{64}")
HERE_BUILT = re.compile(
    r"obzvon(/service|/asterisk)?(:\S*)?|scratch|\$BASE"
)  # the last one in stand-ins alone
IMAGE_USED = re.compile(
    r"^ *(?:FROM +(?:--platform=\S+ +)?|(?:- )?image: *|COPY +--from=|# *syntax *=)([^\s#]+)"
    r"|docker(?: image)? (?:run|pull|create)\b(?: +-\S+(?:[ =][^\s-]\S*)?)* +([a-z][\w./-]*(?::[\w.]\S*)?)",
    re.MULTILINE,
)


def image_references() -> list[tuple[str, str]]:
    """(file, image) of every place in the checkout that names an image of a registry, or could."""
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    named = []
    for name in tracked:
        path = ROOT / name
        if "Dockerfile" not in path.name and path.suffix not in (".yml", ".yaml", ".sh", ".md", "", ".py"):
            continue
        if path.suffix == ".py" and "smoke" not in name:
            continue
        text = path.read_text(errors="replace")
        stages = set(re.findall(r"^FROM .* AS (\w+)", text, re.MULTILINE))
        named += [
            (name, image)
            for found in IMAGE_USED.finditer(text)
            if (image := found[1] or found[2]) not in stages and not HERE_BUILT.fullmatch(image)
        ]
    return named


def test_every_image_of_a_registry_anywhere_is_pinned_by_tag_and_digest() -> None:
    found = image_references()
    assert len(found) >= 7
    assert [each for each in found if not PINNED.fullmatch(each[1])] == []


def test_each_image_is_pinned_in_one_place_which_the_renewal_knows() -> None:
    found = [image for _, image in image_references()]
    assert len(found) == len(set(found))
    written = [pin for path in PINS.files() for pin in PINS.pins(path.read_text()).items()]
    assert sorted(f"{tag}@{digest}" for tag, digest in written) == sorted(found)


def test_a_renewal_writes_the_digests_of_today_and_new_tags_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in PINS.files():
        there = tmp_path / path.relative_to(DOCKER)
        there.parent.mkdir(exist_ok=True)
        there.write_text(path.read_text())
    monkeypatch.setattr(PINS, "HERE", tmp_path)
    before = {path: path.read_text() for path in PINS.files()}
    today = {tag: digest for text in before.values() for tag, digest in PINS.pins(text).items()}

    def asked(tag: str) -> str:
        if tag.startswith("redis:9"):
            raise PINS.Unknown("no such tag")
        return today.get(tag, f"sha256:{'7' * 64}")

    assert PINS.main([], asked) == 0
    today["prom/prometheus:v3.5.0"] = f"sha256:{'8' * 64}"
    assert PINS.main([], asked) == 1, "a tag leads elsewhere now"
    assert {path: path.read_text() for path in PINS.files()} == before, "looking changes nothing"
    assert PINS.main(["renew", "redis:9.0.0"], asked) == 1
    assert PINS.main(["renew", "mysql:9"], asked) == 2
    assert "mysql" in capsys.readouterr().err
    assert {path: path.read_text() for path in PINS.files()} == before, "nothing half done"
    assert PINS.main(["renew", "postgres:17.9-bookworm"], asked) == 0
    assert PINS.main(["renew"], asked) == 0
    compose = (tmp_path / "compose.yml").read_text()
    assert f"postgres:17.9-bookworm@sha256:{'7' * 64}\n" in compose and "17.6" not in compose
    assert f"prom/prometheus:v3.5.0@sha256:{'8' * 64}\n" in compose
    changed = [
        a for a, b in zip(before[tmp_path / "compose.yml"].split(), compose.split(), strict=True) if a != b
    ]
    assert len(changed) == 2


@services
def test_every_image_is_named_with_a_version(name: str) -> None:
    _, _, tag = filled(SERVICES[name]["image"]).partition("@")[0].rpartition(":")
    assert re.search(r"\d+\.\d+", tag), SERVICES[name]["image"]


@pytest.mark.parametrize("part", ["service", "asterisk"])
def test_what_the_dockerfiles_copy_is_there_and_nobody_in_them_is_root(part: str) -> None:
    lines = (DOCKER / part / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for line in lines:
        match shlex.split(line, comments=True):
            case ["COPY", *words] if not words[0].startswith("--from"):
                for source in words[:-1]:
                    assert (ROOT / source).exists(), source
                    top = "/".join(Path(source).parts[:2])
                    assert source == "." or {f"!{top}", f"!{top.split('/')[0]}"} & set(ignored), source
            case ["USER", user]:
                assert int(user.split(":")[0]) > 0
    assert any(line.startswith("USER ") for line in lines)


def test_the_service_is_built_of_the_versions_that_are_tested() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import lock; print(lock.lock() == lock.HERE.read_text())"],
        cwd=DOCKER / "service",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "True\n", "run .venv/bin/python docker/service/lock.py"


def test_every_file_of_the_packages_is_in_what_is_installed() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    listed = subprocess.run(
        ["git", "ls-files", "dialer", "agi", "asterisk_conf"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    packed = {
        str(path.relative_to(ROOT))
        for package, patterns in data.items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    assert {path for path in listed if not path.endswith((".py", ".md"))} - packed == set()


# --- what is open, and to whom ----------------------------------------------------------------------------


@services
def test_nothing_listens_beyond_loopback_unless_the_user_says_so(name: str) -> None:
    one = SERVICES[name]
    assert one["network_mode"] == "host" and "ports" not in one
    words = [one.get("command", ""), one.get("environment", "")]
    assert not BEYOND_LOOPBACK.search(filled(words)), words


def test_sip_is_on_loopback_by_default() -> None:
    assert "SIP_ADDRESS=127.0.0.1" in [filled(word) for word in SERVICES["config"]["command"]]


LISTENS = {  # whose program would listen on every address unless it is told otherwise
    "postgres": "listen_addresses=127.0.0.1",
    "redis": "--bind', '127.0.0.1",
    "prometheus": "--web.listen-address=127.0.0.1:",
    "alertmanager": "--web.listen-address=127.0.0.1:",
    "grafana": "'GF_SERVER_HTTP_ADDR': '127.0.0.1'",
}


@pytest.mark.parametrize("name", LISTENS)
def test_programs_that_listen_everywhere_are_told_otherwise(name: str) -> None:
    assert LISTENS[name] in str(SERVICES[name].get("command")) + str(SERVICES[name].get("environment"))


def test_alertmanager_makes_no_cluster() -> None:
    assert "--cluster.listen-address=" in SERVICES["alertmanager"]["command"]


@services
def test_a_container_can_change_nothing_but_its_volumes(name: str) -> None:
    one = SERVICES[name]
    assert one["read_only"] is True
    assert one["cap_drop"] == ["ALL"]
    assert one["security_opt"] == ["no-new-privileges:true"]


# --- secrets ----------------------------------------------------------------------------------------------


def test_every_secret_is_a_file_that_one_command_makes_and_git_does_not_see() -> None:
    made = set(re.findall(r"^secret (\w+) \d+", (DOCKER / "secrets.sh").read_text(), re.MULTILINE))
    assert {name: one["file"] for name, one in COMPOSE["secrets"].items()} == {
        name: f"./secrets/{name}" for name in made
    }
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"docker/secrets/", "docker/.env"} <= set(ignored)


@services
def test_no_password_stands_in_the_environment_or_in_a_command(name: str) -> None:
    one = SERVICES[name]
    for key, value in one.get("environment", {}).items():
        if re.search("PASSWORD|SECRET|TOKEN", key):
            assert str(value).startswith("/run/secrets/")
            assert Path(value).name in one["secrets"]
        assert not re.search(r"://[^/@\s]*:[^/@\s]+@", str(value)), key
    assert "pass" not in str(one.get("command", ""))


def test_secrets_are_made_once_and_only_their_reader_may_read_them(tmp_path: Path) -> None:
    script = (DOCKER / "secrets.sh").read_text().replace("chown", "true")
    (tmp_path / "secrets.sh").write_text(script)
    run = ["bash", str(tmp_path / "secrets.sh")]
    subprocess.run(run, check=True)
    first = {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()}
    subprocess.run(run, check=True)
    assert {path.name: path.read_text() for path in (tmp_path / "secrets").iterdir()} == first
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "secrets").iterdir()} == {0o600}
    assert first["postgres_password"] == first["database_password"]
    assert first["redis_conf"] == f"requirepass {first['redis_password']}"
    assert len(set(first.values())) == len(first) - 1


# --- what must last, and how it ends ----------------------------------------------------------------------


@services
def test_what_is_mounted_is_there(name: str) -> None:
    for volume in SERVICES[name].get("volumes", ()):
        source, *_ = filled(volume).split(":")
        if not source.startswith("."):
            assert source in COMPOSE["volumes"]
        elif not source.startswith("./grafana/") or (DOCKER / "grafana").exists():
            assert (DOCKER / source).exists(), source


def test_a_volume_that_both_images_mount_begins_with_the_same_rights_in_both() -> None:
    """A fresh volume takes them from the image that is first; which one that is differs between Composes."""

    def mounted(image: str) -> set[str]:
        users = [one for one in SERVICES.values() if one["image"].startswith(image)]
        named = [str(each).split(":") for one in users for each in one["volumes"]]
        return {f"{source}:{place}" for source, place, *_ in named}

    both = {each.partition(":")[2] for each in mounted("obzvon/service") & mounted("obzvon/asterisk")}
    assert both == {"/demo", "/etc/asterisk", "/var/lib/obzvon/sounds", "/var/lib/obzvon/recordings"}
    service = " ".join((DOCKER / "service/Dockerfile").read_text().split())
    asterisk = (DOCKER / "asterisk/gather").read_text()
    for place in both:
        mode = "770" if place.endswith("recordings") else "750"
        assert re.search(rf"install -d -m 0{mode} -o obzvon -g obzvon [^&]*{place}(?= )", service), place
    assert "mkdir -p /shared/{demo,etc/asterisk,var/lib/obzvon/{sounds,recordings}}" in asterisk
    assert "chmod 750 /shared/{demo,etc/asterisk,var/lib/obzvon,var/lib/obzvon/sounds}" in asterisk
    assert "chmod 770 /shared/var/lib/obzvon/recordings" in asterisk
    assert (
        "COPY --from=installed --chown=10000:10000 /shared/ /" in (DOCKER / "asterisk/Dockerfile").read_text()
    )


def test_every_shape_has_its_targets() -> None:
    for shape in ("one", "split"):
        targets = yaml.safe_load((DOCKER / f"prometheus/targets/{shape}.yml").read_text())
        parts = {one["labels"]["part"] for one in targets}
        assert parts == ({"all"} if shape == "one" else {"engine", "web", "agi"})


@pytest.mark.parametrize("name", ["service", "engine"])
def test_a_stop_waits_longer_than_the_drain(name: str) -> None:
    one = SERVICES[name]
    assert seconds(one["stop_grace_period"]) > float(filled(one["environment"]["DIALER_DRAIN_S"])) + 20
    assert seconds(SAMPLE["OBZVON_STOP_GRACE"]) > float(SAMPLE["DIALER_DRAIN_S"]) + 20


def test_asterisk_is_stopped_after_the_service() -> None:
    for name in ("service", "engine"):
        assert "asterisk" in SERVICES[name]["depends_on"]


@pytest.mark.parametrize("name", ["service", "engine", "web", "agi", "asterisk", "postgres", "redis"])
def test_every_part_tells_whether_it_is_well(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] == "CMD"  # no shell: Asterisk's image has none
    assert SERVICES[name]["restart"] == "unless-stopped"


def test_one_process_and_the_split_never_run_together() -> None:
    shapes = {name: one["profiles"] for name, one in OURS.items() if "profiles" in one}
    assert shapes["service"] == ["one"]
    assert {name for name, profiles in shapes.items() if profiles == ["split"]} == {"engine", "web", "agi"}
    parts = [SERVICES[name]["command"] for name in ("engine", "web", "agi")]
    assert parts == [["run", "--only", name] for name in ("engine", "web", "agi")]
