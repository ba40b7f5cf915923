"""The simulator's operators at the lab's phones: they press what they would press, by the service's API."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from bench.floor.cast import Cast
from dialer.demo.service import Service
from dialer.domain import shifts
from dialer.domain.errors import NetworkTrouble
from dialer.domain.operators import State, StateChange
from dialer.domain.types import CallId, OperatorId, PhoneNumber
from dialer.sim.scenario import Scenario
from dialer.sim.staff import Staff

LOOK_S = 0.25  # an operator's wrap-up is longer; what a look is late is taken off it
AGAIN_S = 0.2


class Hands:
    """Staff of the simulator; instead of the engine they ask the service, and look at its operators."""

    def __init__(
        self, service: Service, scenario: Scenario, seed: int, cast: Cast, tasks: asyncio.TaskGroup
    ) -> None:
        self._service = service
        self._cast = cast
        self._tasks = tasks
        self._left_s: dict[CallId, float] = {}
        self._at: dict[str, tuple[str, str]] = {}
        self._staff = Staff(scenario, seed, self._ask, lambda call: self._left_s.pop(call, 0.0))
        self._is_over = False
        self.refused: list[str] = []  # what the service did not do, in its own words

    def come(self) -> None:
        """Everybody's clock is set; who begins now logs in."""
        self._staff.come()

    async def work(self) -> None:
        """For ever."""
        while True:
            with suppress(NetworkTrouble):
                await self.look()
            await asyncio.sleep(LOOK_S)

    def go(self) -> None:
        """The day is over: what they would press from now on nobody wants to know."""
        self._is_over = True

    async def look(self) -> int:
        """Tells the staff what has moved; how many are at work."""
        rows = (await self._service.get("/v1/operators", limit=1000))["items"]
        for row in rows:
            self._see(row)
        return sum(row["state"] not in (State.OFFLINE, State.CONNECTING, State.PAUSED) for row in rows)

    def _see(self, row: Mapping[str, Any]) -> None:
        was, now = self._at.get(row["id"]), (row["state"], row["since_at"])
        if was == now:
            return
        self._at[row["id"]] = now
        if row["state"] == State.WRAP_UP:
            self._tasks.create_task(self._wrap_up(row))
        else:
            self._tell(row, State(row["state"]))

    def _tell(self, row: Mapping[str, Any], became: State, call: CallId | None = None) -> None:
        at = datetime.now(UTC)
        self._staff.moved(StateChange(OperatorId(row["id"]), became, became, row["reason"], at, call))

    async def _wrap_up(self, row: Mapping[str, Any]) -> None:
        """The talk is over: what its work takes is the cast's to say."""
        call, since_at = CallId(row["call"]), datetime.fromisoformat(row["since_at"])
        record = await self._record(call)
        whole_s = self._cast.fate(PhoneNumber(record["number"]), record["attempt_no"]).wrap_up_s
        late_s = (datetime.now(UTC) - since_at).total_seconds()
        self._left_s[call] = max(0.0, whole_s - late_s)
        self._tell(row, State.TALKING, call)
        self._tell(row, State.WRAP_UP)

    async def _record(self, call: CallId) -> Mapping[str, Any]:
        """Of a call that may be in flight, ended, or written down already."""
        while True:
            for path in (f"/v1/calls/{call}", f"/v1/cdrs/{call}"):
                with suppress(NetworkTrouble):
                    return dict(await self._service.get(path))
            await asyncio.sleep(AGAIN_S)

    def _ask(self, operator: OperatorId, event: shifts.Event) -> None:
        if not self._is_over:
            self._tasks.create_task(self._press(f"/v1/operators/{operator}", event))

    async def _press(self, path: str, event: shifts.Event) -> None:
        try:
            match event:
                case shifts.LoginAsked():
                    await self._log_in(path)
                case shifts.ReadyAsked():
                    await self._service.post(f"{path}/ready")
                case shifts.PauseAsked(reason=reason):
                    await self._service.post(f"{path}/pause", {"reason": reason})
                case shifts.LogoutAsked():
                    await self._service.post(f"{path}/logout")
                case _:
                    raise AssertionError(event)
        except NetworkTrouble as trouble:
            self.refused.append(str(trouble))

    async def _log_in(self, path: str) -> None:
        """A phone that has not registered yet cannot be called: again until it is up."""
        while (await self._service.get(path))["state"] == State.OFFLINE:
            with suppress(NetworkTrouble):
                await self._service.post(f"{path}/login")
            await asyncio.sleep(AGAIN_S)
