"""One frozen Settings; the only reader of the environment (names start with DIALER_)."""

from __future__ import annotations

from datetime import time, timedelta
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from dialer.domain.dialable import ORDINARY, DialRules, NumberType, known_country
from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import Language
from dialer.domain.workday import Workday


def _existing_secret(path: Path | None) -> Path | None:
    if path is not None and not path.is_file():
        raise ValueError(said("{path} is not a readable file: put the secret there, mode 0600", path=path))
    return path


SecretFile = Annotated[Path | None, AfterValidator(_existing_secret)]


class Settings(BaseSettings):
    """Defaults are those of one machine with an Asterisk beside the service; binds are on loopback."""

    model_config = SettingsConfigDict(env_prefix="DIALER_", frozen=True, extra="ignore")

    cell: str = Field("main", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$", description="name of this cell")
    data_dir: Path = Field(Path("var"), description="database (SQLite), journal, sounds, recordings")
    database_url: SecretStr = Field(
        SecretStr(""), description="empty: SQLite in data_dir; postgresql://user:password@host/name"
    )
    database_password_file: SecretFile = Field(
        None, description="file with the password for database_url, which then needs none"
    )
    redis_url: SecretStr = Field(
        SecretStr(""), description="empty: live state in memory; redis://host:6379/0"
    )
    redis_password_file: SecretFile = Field(
        None, description="file with the password for redis_url, which then needs none"
    )

    ari_bind: str = Field("127.0.0.1", description="where Asterisk's websocket finds us")
    ari_port: int = Field(8765, ge=1, le=65535)
    ari_app: str = Field(
        "dialer", pattern=r"^[A-Za-z0-9_-]{1,40}$", description="Stasis application; same as in asterisk_conf"
    )
    ari_user: str = "dialer"
    ari_password_file: SecretFile = Field(
        None, description="file with the password of the ARI user, both ways"
    )
    ari_http_url: str = Field("http://127.0.0.1:8088/ari", description="Asterisk's own HTTP, for bulk reads")
    ari_timeout_s: float = Field(3.0, gt=0, le=60)

    ami_host: str = "127.0.0.1"
    ami_port: int = Field(5038, ge=0, le=65535, description="0: no AMI, registrations are not shown")
    ami_user: str = "dialer"
    ami_password_file: SecretFile = None

    agi_bind: str = "127.0.0.1"
    agi_port: int = Field(4573, ge=0, le=65535)
    agi_secret_file: SecretFile = Field(
        None,
        description="what our dialplan shows to FastAGI; made at the first start: data_dir/secrets/agi",
    )
    agi_peers: str = Field(
        "",
        validate_default=True,
        description="Asterisks elsewhere that may speak: addresses, networks",
    )

    api_bind: str = "127.0.0.1"
    api_port: int = Field(8080, ge=0, le=65535)

    health_bind: str = Field("127.0.0.1", description="/healthz, /readyz, /metrics of parts without the API")
    engine_health_port: int = Field(
        8081, ge=0, le=65535, description="of `--only engine`; beside a web: if set; 0: nowhere"
    )
    agi_health_port: int = Field(8082, ge=0, le=65535, description="of `--only agi`; 0: nowhere")

    country: str = Field(
        "RU", pattern=r"^[A-Z]{2}$", description="numbers without a country code belong here"
    )
    countries: str = Field(
        "",
        pattern=r"^([A-Z]{2}([, ]+[A-Z]{2})*)?$",
        description="countries beside that one whose numbers may be dialled: BY,KZ",
    )
    number_types: str = Field(
        ",".join(ORDINARY),
        description="types of numbers that may be dialled: " + ", ".join(NumberType),
    )
    sounds_dir: Path | None = Field(
        None, description="campaign messages; Asterisk must read it; default data_dir/sounds"
    )
    recordings_dir: Path | None = Field(
        None, description="Asterisk writes here, the converter reads; default data_dir/recordings"
    )
    asterisk_root: Path | None = Field(
        None, description="the lab's private root, where paths as Asterisk sees them begin"
    )
    lab: bool = Field(False, description="allow ring times under the lawful 15 s; never outside the lab")

    longest_shift_h: float = Field(
        14.0, ge=0, le=72, description="hours after which an operator is logged out; 0: never"
    )
    logout_at: str = Field(
        "",
        pattern=r"^(([01][0-9]|2[0-3]):[0-5][0-9])?$",
        description="the hour at which every operator is logged out, such as 21:30, by DIALER_ZONE",
    )
    zone: str = Field(
        "Europe/Moscow",
        description="of the office: by its clock a day begins, in figures and in the ceilings of trunks",
    )

    pace_interval_s: float = Field(1.0, gt=0, le=5, description="longest time between two decisions")
    hopper: int = Field(200, ge=1, le=10_000, description="candidates leased ahead of need per campaign")
    drain_s: float = Field(120.0, ge=0, description="how long a stop waits for talks to end")
    log_format: str = Field("console", pattern="^(console|json)$")
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$")
    language: str = Field("ru", pattern="^(ru|en)$", description="of the command line and the demo")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            raise ValueError(
                said("there is no time zone {name!r}: write one such as Europe/Moscow", name=name)
            ) from None
        return name

    @field_validator("country", "countries")
    @classmethod
    def _known_countries(cls, text: str) -> str:
        for code in _listed(text):
            try:
                known_country(code)
            except BadValue as unknown:
                raise ValueError(unknown.sentence) from None
        return text

    @field_validator("number_types")
    @classmethod
    def _known_types(cls, text: str) -> str:
        for name in _listed(text):
            if name not in set(NumberType):
                raise ValueError(
                    said(
                        "there is no type of numbers {name!r}: take some of {types}",
                        name=name,
                        types=", ".join(NumberType),
                    )
                )
        return text

    @field_validator("agi_peers")
    @classmethod
    def _nobody_unnamed(cls, text: str, before: ValidationInfo) -> str:
        """FastAGI knows no password: beyond loopback it speaks to those who are named, and to no others."""
        peers, bind = _listed(text), before.data.get("agi_bind", "127.0.0.1")
        for peer in peers:
            if _network(peer).prefixlen == 0:
                raise ValueError(said("{peer} is everybody, and FastAGI knows no password", peer=peer))
        if not peers and not _is_loopback(bind):
            raise ValueError(
                said(
                    "DIALER_AGI_BIND {bind} is beyond loopback and FastAGI knows no password: name the"
                    " Asterisks that may speak, such as 10.0.0.5 or 10.0.0.0/24, or bind to 127.0.0.1",
                    bind=bind,
                )
            )
        return text


def _listed(text: str) -> tuple[str, ...]:
    return tuple(part for part in text.replace(",", " ").split() if part)


def _network(peer: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(peer)
    except ValueError:
        raise ValueError(
            said("{peer} is neither an address nor a network: write 10.0.0.5 or 10.0.0.0/24", peer=peer)
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Spoken(BaseSettings):
    """The language alone, so that what is wrong with another setting is told in it."""

    model_config = Settings.model_config
    language: Language = Language.RU


def spoken_language() -> Language:
    """Of what people read; the default where the environment names none that is known."""
    try:
        return _Spoken().language
    except ValidationError:
        return Language.RU


def sounds_dir(settings: Settings) -> Path:
    return (settings.sounds_dir or settings.data_dir / "sounds").absolute()


def office_zone(settings: Settings) -> ZoneInfo:
    """Named by the settings: a server's own zone is UTC more often than the office's."""
    return ZoneInfo(settings.zone)


def workday(settings: Settings) -> Workday:
    """How long a shift may last."""
    hours, clock = settings.longest_shift_h, settings.logout_at
    return Workday(
        longest=timedelta(hours=hours) if hours else None,
        closes=time.fromisoformat(clock) if clock else None,
        zone=office_zone(settings),
    )


def agi_secret_path(settings: Settings) -> Path:
    return settings.agi_secret_file or settings.data_dir / "secrets" / "agi"


def agi_peers(settings: Settings) -> tuple[str, ...]:
    """Addresses and networks beside loopback that FastAGI speaks to."""
    return _listed(settings.agi_peers)


def dial_rules(settings: Settings) -> DialRules:
    """What may be dialled here; a campaign's country and a trunk's prefixes open more."""
    return DialRules(
        frozenset({settings.country, *_listed(settings.countries)}),
        frozenset(map(NumberType, _listed(settings.number_types))),
    )


def in_the_clear(settings: Settings) -> str:
    """A sentence where the API listens beyond this machine; tokens and numbers are then for all to read."""
    if _is_loopback(settings.api_bind):
        return ""
    return said(
        "the API listens on {bind} without TLS: whoever is on the way reads tokens and phone numbers;"
        " put a proxy with TLS in front of it, on this machine, and set DIALER_API_BIND=127.0.0.1",
        bind=settings.api_bind,
    )


def recordings_dir(settings: Settings) -> Path:
    return (settings.recordings_dir or settings.data_dir / "recordings").absolute()
