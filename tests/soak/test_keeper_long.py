"""The keeper's long proof: 200 kills of a link at 80 calls/s."""

from __future__ import annotations

import os
from pathlib import Path

from dialer.lab.instance import AsteriskDied
from dialer.lab.lab import Lab, Options
from tests.pbx import linked
from tests.pbx.test_keeper import kill_often

KILLS = int(os.environ.get("SOAK_KILLS", "200"))


async def test_kills_at_80_calls_a_second_leave_asterisk_its_connection_and_no_event_is_lost(
    tmp_path: Path,
) -> None:
    died: list[AsteriskDied] = []
    options = Options(plan=linked.PLAN, phones=0, is_heard=False, on_crash=died.append)
    async with Lab.start(options) as lab:
        await kill_often(lab, KILLS, tmp_path)
    assert not died
