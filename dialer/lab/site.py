"""Where a lab's Asterisks live: their addresses, and the configuration written for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from asterisk_conf.render import HERE, complete, conf_files, fill_in, render, write_files
from dialer.lab.console import Login
from dialer.lab.home import Home

PBX = "127.0.0.1"
CARRIER = "127.0.0.2"
PHONES = "127.0.0.3"
SIPP = "127.0.0.4"

# files of the PBX that serve the pretend world as well
SHARED = ("asterisk", "acl", "ccss", "cdr", "cel", "features", "indications")
SHARED_TOO = ("logger", "musiconhold", "pjproject", "rtp", "stasis", "udptl")


@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens for SIP."""

    host: str
    port: int


def folders(home: Home, name: str) -> dict[str, str]:
    """The folder knobs of one Asterisk, with the folders made."""
    knobs = {"ETC_DIR": "etc", "VARLIB_DIR": "lib", "KEYS_DIR": "keys", "SPOOL_DIR": "spool"}
    knobs |= {"RUN_DIR": "run", "LOG_DIR": "log", "CACHE_DIR": "cache"}
    home.make(name, "lib/keys")  # where Asterisk looks for RSA keys of its own; it complains of no folder
    return {knob: str(home.make(name, folder)) for knob, folder in knobs.items()}


def write_pbx(home: Home, values: Mapping[str, str]) -> Path:
    """The production configuration, exactly; returns the folder of the instance."""
    render(home.make("pbx", "etc"), values)
    return home.path / "pbx"


@dataclass(frozen=True, slots=True)
class Pretender:
    """One Asterisk of the pretend world. `kind` is the folder of asterisk_conf that it is made of."""

    name: str
    kind: str
    knobs: Mapping[str, str]  # those of the PBX
    own_knobs: Mapping[str, str]  # those that only its own files have
    generated: Mapping[str, str]  # files written by the lab


def knobs_at(at: Address, login: Login, rtp: tuple[int, int], language: str) -> dict[str, str]:
    """The PBX's knobs as an Asterisk of the pretend world has them."""
    return {
        "SIP_ADDRESS": at.host,
        "SIP_PORT": str(at.port),
        "RTP_START": str(rtp[0]),
        "RTP_END": str(rtp[1]),
        "AMI_ADDRESS": login.host,
        "AMI_PORT": str(login.port),
        "AMI_USER": login.user,
        "AMI_SECRET": login.secret,
        "ARI_PASSWORD": "unused",
        "AGI_SECRET": "unused-unused-unused",
        "LANGUAGE": language,
    }


def write_pretender(home: Home, pretender: Pretender) -> Path:
    """Shared files of the PBX, the files of its own folder, and the generated ones; returns its folder."""
    render_pretender(home.make(pretender.name, "etc"), pretender, folders(home, pretender.name))
    return home.path / pretender.name


def render_pretender(target: Path, pretender: Pretender, places: Mapping[str, str]) -> None:
    """Its configuration in `target`; `places` are the folder knobs that differ from Asterisk's own."""
    filled = {**complete({**places, **pretender.knobs}), **pretender.own_knobs}
    paths = [HERE / f"{shared}.conf" for shared in (*SHARED, *SHARED_TOO)] + conf_files(HERE / pretender.kind)
    texts = {path.name: fill_in(path.read_text(), filled, str(path.relative_to(HERE))) for path in paths}
    write_files(target, {**texts, **pretender.generated})
