"""`dialer asterisk`: write the configuration that Asterisk needs, from the service's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from asterisk_conf import sounds
from asterisk_conf.render import KNOBS, complete, render, write_files
from dialer.adapters.folders import READ_BY_ALL, make_folder
from dialer.adapters.secrets import kept_secret, read_secret
from dialer.cli.environment import load_settings
from dialer.cli.screen import remark, say
from dialer.domain.errors import BadValue
from dialer.domain.said import listed, said
from dialer.settings import Settings, agi_secret_path, recordings_dir, sounds_dir

KEPT = (
    "obzvon.knobs"  # in Asterisk's folder: what --set has said so far, which may be secret as the files are
)
LINKED = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1"}  # noqa: S104 where a service that listens everywhere is found


def write(
    to: Annotated[Path, typer.Option(help="Asterisk's configuration folder.")] = Path("/etc/asterisk"),
    knob: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KNOB=VALUE",
            help="A knob of asterisk_conf/README.md (repeatable); kept for later runs, KNOB= forgets it.",
        ),
    ] = None,
) -> None:
    """Write Asterisk's configuration to a folder; passwords, ports and folders are those of the settings."""
    settings = load_settings()
    given, earlier = dict(map(_pair, knob or [])), kept_knobs(to)
    kept = {name: value for name, value in {**earlier, **given}.items() if value}
    values = {**knobs_of(settings), "ETC_DIR": str(to.absolute()), **kept}
    written = render(to, values)
    write_files(to, {KEPT: "".join(f"{name}={value}\n" for name, value in sorted(kept.items()))})
    if again := sorted(kept.keys() - given.keys()):
        remark(said("from earlier times: {knobs}", knobs=listed(f"{name}={kept[name]}" for name in again)))
    made = make_sounds(Path(complete(values)["MOH_DIR"]), sounds_dir(settings))
    say(said("{count} files were written to {folder}", count=len(written), folder=str(to)))
    for path in made:
        say(said("the sound {path} was made", path=str(path)))
    remark(said("restart Asterisk, then `dialer doctor` looks at all of it"))


def kept_knobs(folder: Path) -> Mapping[str, str]:
    """Those that earlier runs were given for this folder."""
    try:
        lines = (folder / KEPT).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except OSError as failure:
        raise BadValue(
            said("{file} cannot be read: {strerror}", file=folder / KEPT, strerror=failure.strerror)
        ) from None
    return {name: value for name, equals, value in (line.partition("=") for line in lines) if equals}


def knobs_of(settings: Settings) -> Mapping[str, str]:
    """What the service's settings say about Asterisk's side; BadValue names a secret that is missing."""
    http = urlsplit(settings.ari_http_url)
    sound, folder = sounds_dir(settings), recordings_dir(settings)
    return {
        "CELL": settings.cell,
        "LANGUAGE": settings.language,
        "ARI_APP": settings.ari_app,
        "ARI_USER": settings.ari_user,
        "ARI_PASSWORD": _secret(settings.ari_password_file, "DIALER_ARI_PASSWORD_FILE"),
        "HTTP_ADDRESS": http.hostname or "127.0.0.1",
        "HTTP_PORT": str(http.port or 8088),
        "SERVICE_ADDRESS": LINKED.get(settings.ari_bind, settings.ari_bind),
        "LINK_PORT": str(settings.ari_port),
        "AGI_ADDRESS": LINKED.get(settings.agi_bind, settings.agi_bind),
        "AGI_PORT": str(settings.agi_port),
        "AGI_SECRET": _agi_secret(settings),
        "AMI_ADDRESS": settings.ami_host,
        "AMI_PORT": str(settings.ami_port or 5038),
        "AMI_USER": settings.ami_user,
        "AMI_SECRET": _secret(settings.ami_password_file, "DIALER_AMI_PASSWORD_FILE"),
        "RECORDINGS_DIR": str(folder),
        "MOH_DIR": str(sound / "moh"),
        "FALLBACK_SOUND": str(sound / "message"),
        "INBOUND_SOUND": str(sound / "message"),
    }


def _agi_secret(settings: Settings) -> str:
    """The service's own, made here where it has not run yet."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return kept_secret(agi_secret_path(settings), owner=settings.data_dir)


def make_sounds(moh: Path, folder: Path) -> list[Path]:
    """Those that must exist before anybody has recorded any; what is there stays."""
    wanted = {
        folder / "message.wav": sounds.message,
        folder / "press1.wav": sounds.press1,
        moh / "default.wav": sounds.moh,
    }
    made = []
    for path, make in wanted.items():
        if not path.exists():
            make_folder(path.parent, READ_BY_ALL)
            make(path)
            made.append(path)
    return made


def _secret(path: Path | None, setting: str) -> str:
    if path is None:
        raise BadValue(
            said(
                "{setting} is not set: make a file of mode 0600 with a random password in it,"
                " and name it there",
                setting=setting,
            )
        )
    return read_secret(path)


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise BadValue(said("--set {text!r} is no KNOB=VALUE, such as --set SIP_PORT=5070", text=text))
    if name not in {one.name for one in KNOBS}:
        known = listed(one.name for one in KNOBS)
        raise BadValue(said("there is no knob {name}; the knobs are {known}", name=name, known=known))
    return name, value
