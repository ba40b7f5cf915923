"""Writes the configuration for one Asterisk: the files of this folder with every knob filled in."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path

from dialer.domain.errors import BadValue
from dialer.domain.said import said

HERE = Path(__file__).parent
DIALPLAN = "DIALPLAN"  # no knob: filled in with what `dialplan` says
KNOB = re.compile(r"@@([A-Z0-9_]+)@@")
WHEN = re.compile(r"^;\?([A-Z0-9_]+) (.*\n)", re.MULTILINE)  # a line that is there when its knob says yes
CHOICES = {
    **dict.fromkeys(("SIP_TLS", "SIP_TLS_VERIFY", "SERVICE_TLS"), ("yes", "no")),
    "SERVICE_SCHEME": ("ws", "wss"),
    "LANGUAGE": ("ru", "en"),
    "TONE_COUNTRY": ("ru", "us", "uk", "de"),
}
PORTS = frozenset({"HTTP_PORT", "LINK_PORT", "AGI_PORT", "AMI_PORT", "SIP_PORT", "SIP_TLS_PORT", "RTP_START",
                   "RTP_END"})  # fmt: skip
UNSAFE = re.compile(r"[\x00-\x1f\x7f;\u2028\u2029]")

ANYWHERE = "0.0.0.0"  # noqa: S104 carriers and phones come from outside

LOCAL_NETS = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"
HOST = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*"
)

AGI_SECRET = re.compile(r"[A-Za-z0-9_-]{16,128}")

FILE_MODE = 0o640
FOLDER_MODE = 0o750


@dataclass(frozen=True, slots=True)
class Knob:
    """One value that differs between installations; without a default it must be given."""

    name: str
    default: str | None
    meaning: str
    read_by: str


KNOBS = (
    Knob("ETC_DIR", "/etc/asterisk", "the folder with these files", "Asterisk"),
    Knob(
        "VARLIB_DIR", "/var/lib/asterisk", "Asterisk's own database, with the phones and trunks", "Asterisk"
    ),
    Knob("KEYS_DIR", "/etc/asterisk/keys", "certificate and key for SIP over TLS", "Asterisk"),
    Knob("SPOOL_DIR", "/var/spool/asterisk", "Asterisk's spool", "Asterisk"),
    Knob("RUN_DIR", "/run/asterisk", "control socket and process id", "Asterisk, doctor"),
    Knob("LOG_DIR", "/var/log/asterisk", "log files", "Asterisk, people"),
    Knob("CACHE_DIR", "/var/cache/asterisk", "Asterisk's cache", "Asterisk"),
    Knob("LANGUAGE", "ru", "language of prompts: ru or en", "Asterisk"),
    Knob("TONE_COUNTRY", "ru", "ring-back and busy tones: ru, us, uk or de", "Asterisk"),
    Knob("CELL", "main", "name of the cell; DIALER_CELL of the service", "Asterisk, service"),
    Knob("ARI_APP", "dialer", "Stasis application; DIALER_ARI_APP of the service", "Asterisk, service"),
    Knob("ARI_USER", "dialer", "ARI user, both ways; DIALER_ARI_USER", "Asterisk, service"),
    Knob("ARI_PASSWORD", None, "its password; DIALER_ARI_PASSWORD_FILE holds the same", "Asterisk, service"),
    Knob(
        "HTTP_ADDRESS", "127.0.0.1", "where Asterisk's HTTP listens; DIALER_ARI_HTTP_URL", "Asterisk, service"
    ),
    Knob("HTTP_PORT", "8088", "its port; DIALER_ARI_HTTP_URL", "Asterisk, service"),
    Knob("SERVICE_ADDRESS", "127.0.0.1", "where the service listens; DIALER_ARI_BIND", "Asterisk, service"),
    Knob("SERVICE_SCHEME", "ws", "ws, or wss behind a TLS proxy", "Asterisk"),
    Knob("SERVICE_TLS", "no", "yes with wss", "Asterisk"),
    Knob("LINK_PORT", "8765", "its port; DIALER_ARI_PORT", "Asterisk, service"),
    Knob("AGI_ADDRESS", "127.0.0.1", "where FastAGI listens; DIALER_AGI_BIND", "dialplan, service"),
    Knob("AGI_PORT", "4573", "its port; DIALER_AGI_PORT", "dialplan, service"),
    Knob("AGI_SECRET", None, "shown to FastAGI; DIALER_AGI_SECRET_FILE holds the same", "dialplan, service"),
    Knob("AMI_ADDRESS", "127.0.0.1", "where AMI listens; DIALER_AMI_HOST", "Asterisk, service"),
    Knob("AMI_PORT", "5038", "its port; DIALER_AMI_PORT", "Asterisk, service"),
    Knob("AMI_PERMIT", "127.0.0.1/255.255.255.255", "who may connect to AMI", "Asterisk"),
    Knob("AMI_USER", "dialer", "read-only AMI user; DIALER_AMI_USER", "Asterisk, service"),
    Knob("AMI_SECRET", None, "its secret; DIALER_AMI_PASSWORD_FILE holds the same", "Asterisk, service"),
    Knob("SIP_ADDRESS", ANYWHERE, "where SIP listens", "Asterisk, phones, carriers"),
    Knob("SIP_PORT", "5060", "its port, UDP and TCP", "Asterisk, phones, carriers"),
    Knob("SIP_TLS_PORT", "5061", "its port for TLS, once that is switched on", "Asterisk, phones, carriers"),
    Knob("SIP_TLS", "no", "yes: SIP over TLS; its certificate and key lie in KEYS_DIR", "Asterisk, carriers"),
    Knob("SIP_CA_DIR", "/etc/ssl/certs", "certificates that vouch for carriers'; it must exist", "Asterisk"),
    Knob("SIP_TLS_VERIFY", "yes", "no: a carrier's certificate of its own making will do", "Asterisk"),
    Knob(
        "OUTER_ADDRESS",
        "",
        "behind NAT: the address by which the Internet finds this server",
        "carriers, phones",
    ),
    Knob(
        "LOCAL_NETS",
        LOCAL_NETS,
        "behind NAT: networks that reach it without the outer address, its own among them",
        "Asterisk",
    ),
    Knob("USER_AGENT", "obzvon", "how Asterisk names itself in SIP", "carriers"),
    Knob("RTP_START", "10000", "first port for sound", "Asterisk, firewall"),
    Knob("RTP_END", "19999", "last port for sound", "Asterisk, firewall"),
    Knob(
        "RECORDINGS_DIR",
        "/var/lib/obzvon/recordings",
        "recordings; DIALER_RECORDINGS_DIR",
        "dialplan, service",
    ),
    Knob("MOH_DIR", "/var/lib/obzvon/sounds/moh", "music for those who wait", "Asterisk"),
    Knob(
        "FALLBACK_SOUND",
        "/var/lib/obzvon/sounds/message",
        "heard where the service does not answer",
        "dialplan",
    ),
    Knob(
        "INBOUND_SOUND", "/var/lib/obzvon/sounds/message", "heard by a caller whom nobody takes", "dialplan"
    ),
    Knob("INBOUND_GUARD_S", "20", "seconds a return call rings before that", "dialplan"),
)


def conf_files(folder: Path = HERE) -> list[Path]:
    """The configuration files of a folder, in a stable order."""
    return sorted(folder.glob("*.conf"))


def fill_in(text: str, values: Mapping[str, str], place: str) -> str:
    """The text with its knobs replaced; names the knob that has no value."""

    def value(match: re.Match[str]) -> str:
        try:
            return values[match[1]]
        except KeyError:
            raise BadValue(f"{place} asks for the knob {match[1]}, which nobody has given") from None

    return KNOB.sub(value, WHEN.sub(lambda line: line[2] if values[line[1]] == "yes" else "", text))


def complete(values: Mapping[str, str]) -> dict[str, str]:
    """The given values with defaults for the rest; refuses unknown knobs and unsafe values."""
    known = {knob.name: knob for knob in KNOBS}
    for name, value in values.items():
        if name not in known:
            raise BadValue(f"there is no knob {name}; the knobs are {', '.join(known)}")
        if value or known[name].default != "":
            check_value(name, value)
    missing = [knob.name for knob in KNOBS if knob.default is None and knob.name not in values]
    if missing:
        raise BadValue(f"no value for {', '.join(missing)}: each installation has its own, give one")
    whole = {knob.name: values.get(knob.name, knob.default or "") for knob in KNOBS}
    if int(whole["RTP_START"]) >= int(whole["RTP_END"]):
        start, end = whole["RTP_START"], whole["RTP_END"]
        raise BadValue(said("RTP_START {start} is not before RTP_END {end}", start=start, end=end))
    return whole


def check_value(name: str, value: str) -> None:
    """Refuses what would end a line or begin a comment in Asterisk's files."""
    if not value.strip():
        raise BadValue(f"the knob {name} is empty: give it a value, or leave it out for its default")
    if found := UNSAFE.search(value):
        raise BadValue(
            f"the knob {name} contains {found[0]!r}, which would break the file: use neither semicolons"
            " nor control characters"
        )
    if name == "AGI_SECRET" and not AGI_SECRET.fullmatch(value):
        raise BadValue(
            "the knob AGI_SECRET takes 16 or more letters, digits, - and _: it is an argument of AGI()"
        )
    if name == "OUTER_ADDRESS" and not HOST.fullmatch(value):
        raise BadValue(f"the knob {name} is {value!r}: give one address or host name, such as 203.0.113.10")
    check_form(name, value)
    if name == "LOCAL_NETS":
        for net in value.split(","):
            _check_net(name, net)


def check_form(name: str, value: str) -> None:
    """Refuses what Asterisk would read and not obey, or not start with."""
    if name in CHOICES and value not in CHOICES[name]:
        words = ", ".join(CHOICES[name])
        raise BadValue(
            said("the knob {name} is {value!r}: take one of {words}", name=name, value=value, words=words)
        )
    if name in PORTS and not (value.isascii() and value.isdecimal() and 0 < int(value) < 65536):
        raise BadValue(said("the knob {name} is {value!r}: give a port, 1 to 65535", name=name, value=value))
    if name.endswith("_S") and not (value.isascii() and value.isdecimal()):
        raise BadValue(
            said("the knob {name} is {value!r}: give a whole number of seconds", name=name, value=value)
        )
    if name.endswith("_DIR") and not value.startswith("/"):
        raise BadValue(
            said("the knob {name} is {value!r}: give a folder by its whole path", name=name, value=value)
        )
    if name == "SIP_ADDRESS" and not _is_address(value):
        raise BadValue(
            said("the knob {name} is {value!r}: give one address, such as 10.0.0.5", name=name, value=value)
        )


def _is_address(value: str) -> bool:
    try:
        ip_address(value)
    except ValueError:
        return False
    return True


def _check_net(name: str, net: str) -> None:
    """Asterisk would leave out the whole transport, and with it all of SIP."""
    try:
        ip_network(net)
    except ValueError as flaw:
        raise BadValue(f"the knob {name} has {net!r} ({flaw}): write networks such as {LOCAL_NETS}") from None


def write_files(target: Path, texts: Mapping[str, str]) -> list[Path]:
    """Writes all files or, when one cannot be written, none; existing ones are replaced whole."""
    if not target.is_dir():
        target.mkdir(parents=True)
        target.chmod(FOLDER_MODE)  # whatever the umask is: Asterisk's group reads it
    with tempfile.TemporaryDirectory(prefix=".new-", dir=target) as fresh:
        for name, text in texts.items():
            path = Path(fresh, name)
            path.write_text(text)
            path.chmod(FILE_MODE)
        for name in texts:
            os.replace(Path(fresh, name), target / name)
    return [target / name for name in texts]


def dialplan() -> str:
    """Tells one dialplan from another: by its lines, without comments and an installation's values."""
    lines = (line.strip() for line in (HERE / "extensions.conf").read_text().splitlines())
    text = "\n".join(line for line in lines if line and not line.startswith(";"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def render(target: Path, values: Mapping[str, str]) -> list[Path]:
    """Writes every file of this folder to `target`; raises BadValue before anything is written."""
    filled = {**complete(values), DIALPLAN: dialplan()}
    return write_files(
        target, {path.name: fill_in(path.read_text(), filled, path.name) for path in conf_files()}
    )
