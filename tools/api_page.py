"""docs/reference/api.md, from the OpenAPI description."""

from __future__ import annotations

from collections.abc import Sequence

from dialer import __version__
from dialer.ports.between import Check
from dialer.web.app import describe
from dialer.web.reference import markdown_page


async def _no_checks() -> Sequence[Check]:
    return ()


async def _no_metrics() -> tuple[bytes, str]:
    return b"", "text/plain"


def api_page() -> str:
    """The reference of the API in Markdown."""
    app = describe(health=_no_checks, metrics_page=_no_metrics, version=__version__)
    return markdown_page(app.openapi())
