"""What pacing has learned, in a dictionary."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dialer.adapters.codec import to_json
from dialer.adapters.fitting import fitted


@fitted
class MemoryLearned:
    def __init__(self) -> None:
        self._rows: dict[str, str] = {}

    async def load(self) -> Mapping[str, dict[str, Any]]:
        return {name: json.loads(state) for name, state in self._rows.items()}

    async def save(self, states: Mapping[str, dict[str, Any]], now: datetime) -> None:
        self._rows |= {name: to_json(state) for name, state in states.items()}
