"""Writes requirements.lock beside this file: what the service needs of the checkout's, and its builder.

From the environment of `make setup`: .venv/bin/python docker/service/lock.py
"""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).with_name("requirements.lock")
BUILDS = "setuptools"
HEAD = """\
# Written by docker/service/lock.py: what of the root's requirements.lock the service's image needs.
"""


def needed() -> set[str]:
    """The project's dependencies and theirs, by name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    left = [Requirement(line) for line in project["dependencies"]]
    seen: set[tuple[str, str]] = set()
    while left:
        this = left.pop()
        for extra in ("", *this.extras):
            name = canonicalize_name(this.name)
            if (name, extra) in seen:
                continue
            seen.add((name, extra))
            found = map(Requirement, requires(name) or ())
            left += [one for one in found if not one.marker or one.marker.evaluate({"extra": extra})]
    return {name for name, _ in seen}


def pinned() -> dict[str, str]:
    """Name: its lines in the root's list, version and hashes."""
    text = (ROOT / "requirements.lock").read_text()
    found = re.finditer(r"^([a-z0-9][\w.-]*)==.*\\\n(?: +--hash=\S+(?: \\)?\n)+", text, re.MULTILINE)
    return {canonicalize_name(one[1]): one[0] for one in found}


def lock() -> str:
    """The whole file."""
    names, lines = needed() | {BUILDS}, pinned()
    return HEAD + "".join(lines[name] for name in sorted(names))


if __name__ == "__main__":
    HERE.write_text(lock())
