"""`dialer config`: the settings that hold here."""

from __future__ import annotations

import re
from typing import Any

from pydantic import SecretStr

from dialer.cli.environment import PREFIX, load_settings, unknown_names
from dialer.cli.screen import AsJson, print_json, print_table, remark
from dialer.domain.said import titled
from dialer.settings import Settings

_PASSWORD = re.compile(r"(?<=:)[^:@/]*(?=@)")


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
    return value if isinstance(value, (bool, int, float, str)) or value is None else str(value)


def mask(url: str) -> str:
    """The address without its password; all of it where none can be told apart."""
    if not url:
        return ""
    return _PASSWORD.sub("***", url.partition("?")[0]) if "://" in url else "***"
