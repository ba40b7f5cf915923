"""`dialer config`: the settings that hold here."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from pydantic import SecretStr

from dialer.cli.environment import PREFIX, load_settings, unknown_names
from dialer.cli.screen import AsJson, print_json, print_table, remark
from dialer.domain.masking import HIDDEN
from dialer.domain.said import titled
from dialer.settings import Settings

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,40}")
_USER = re.compile(r"[A-Za-z0-9_.-]{0,64}")
_OPTIONS = re.compile(r"[?#;&\s]")


def config(as_json: AsJson = False) -> None:
    """Print every setting with its value (secrets masked) and where it comes from."""
    settings = load_settings()
    rows = [
        {
            "name": f"{PREFIX}{name.upper()}",
            "value": shown(getattr(settings, name)),
            "source": "environment" if name in settings.model_fields_set else "default",
            "meaning": field.description or "",
        }
        for name, field in Settings.model_fields.items()
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(titled("setting", "value", "source", "meaning"), [tuple(row.values()) for row in rows])
    for sentence in unknown_names():
        remark(sentence)


def shown(value: Any) -> str | int | float | bool | None:
    """A setting's value as it may be seen."""
    if isinstance(value, SecretStr):
        return mask(value.get_secret_value())
    if isinstance(value, str) and "://" in value:
        return mask(value)
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)


def mask(address: str) -> str:
    """The address without whatever may be a secret in it; all of it hidden where that cannot be told apart.

    What is encoded is decoded first, so that no sign hides another; the last @ ends what may hold a password.
    Options behind ? or ; are left out: a password may be one of them.
    """
    if not address:
        return ""
    scheme, mark, rest = unquote(address.strip()).partition("://")
    if not mark or not _SCHEME.fullmatch(scheme):
        return HIDDEN
    account, at, place = rest.rpartition("@")
    user, colon, _ = account.partition(":")
    if not _USER.fullmatch(user) or (not colon and not scheme.startswith("postgres")):
        user = ""  # no name: a token, or a password with signs that end an address elsewhere
    hidden = f":{HIDDEN}" if colon or not user else ""
    place = _OPTIONS.split(place, maxsplit=1)[0]
    return f"{scheme}://{user}{hidden}@{place}" if at else f"{scheme}://{place}"
