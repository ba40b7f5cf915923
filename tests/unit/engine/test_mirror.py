"""What a command has changed is shown when it is answered."""

from __future__ import annotations

import asyncio
from typing import Any

from dialer.adapters.memory.live import MemoryLive
from dialer.domain.errors import StoreDown
from dialer.domain.operators import Operator
from dialer.domain.types import CellId, OperatorId
from dialer.engine.mirror import SHOWN_WITHIN_S, Mirror, ShownDesk
from dialer.ports.between import Command
from tests.unit.engine.virtual import in_virtual_time

CELL = CellId("main")
ANN = Operator(OperatorId("101"))


class Desk:
    """Changes an operator and answers."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror

    async def do(self, command: Command) -> dict[str, Any]:
        self.mirror.show(ANN)
        return {"done": command.verb}


class Away(MemoryLive):
    def __init__(self, trouble: Exception | None) -> None:
        super().__init__()
        self.trouble = trouble

    async def put_operator(self, cell: CellId, operator: Operator) -> None:
        if self.trouble is not None:
            raise self.trouble
        await asyncio.sleep(3600)


@in_virtual_time
async def test_whoever_asked_for_a_change_sees_it_at_once() -> None:
    live = MemoryLive()
    mirror = Mirror(live, CELL)
    assert await ShownDesk(Desk(mirror), mirror).do(Command("login", "operator:101")) == {"done": "login"}
    assert await live.operators() == [ANN]


@in_virtual_time
async def test_a_redis_that_is_away_or_slow_holds_up_no_command() -> None:
    loop = asyncio.get_running_loop()
    for live, most_s in ((Away(StoreDown("away")), 0.0), (Away(None), SHOWN_WITHIN_S)):
        mirror = Mirror(live, CELL)
        began = loop.time()
        answer = await ShownDesk(Desk(mirror), mirror).do(Command("login", "operator:101"))
        assert answer == {"done": "login"}
        assert loop.time() - began <= most_s + 0.001
