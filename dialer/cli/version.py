"""`dialer version`: what this installation is."""

from __future__ import annotations

import platform

from dialer import __version__
from dialer.cli.screen import AsJson, print_json, say
from dialer.domain.said import said


def version(as_json: AsJson = False) -> None:
    """Print the version."""
    if as_json:
        print_json({"version": __version__, "python": platform.python_version()})
    else:
        say(
            said(
                "dialer {version} (Python {python_version})",
                version=__version__,
                python_version=platform.python_version(),
            )
        )
