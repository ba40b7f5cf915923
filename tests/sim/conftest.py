"""Stories of whole days: quiet ones."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def quiet(quiet_log: None) -> None: ...
