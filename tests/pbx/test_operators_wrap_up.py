"""The work after the call: its limit, what follows, and how an outcome, by REST or by key, moves the lead."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
import pytest_asyncio

from dialer.domain.keys import SETTLE_S
from dialer.domain.operators import State
from dialer.domain.types import LeadStatus
from dialer.lab.fate import Does, Plan, Rule
from dialer.lab.lab import Lab, Options
from dialer.worlds import fixed
from tests.pbx.office import Office, numbers, open_office

PLAN = Plan(seed=7, rules=(Rule("*", {Does.ANSWER: 1}, ring_s=fixed(0.3), talk_s=fixed(1.0)),))
WRAP_UP_S = 3.0
LATER = datetime.now(UTC).replace(hour=9, minute=0, second=0, microsecond=0) + timedelta(days=20)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def office() -> AsyncIterator[Office]:
    """One for all of these; each begins a campaign of its own."""
    async with Lab.start(Options(plan=PLAN, phones=4)) as lab, open_office(lab, []) as office:
        yield office


async def test_wrap_up_has_a_limit_and_outcomes_by_rest_and_by_key_move_their_leads(office: Office) -> None:
    people = numbers("+7916", 4)
    await office.begin(people, change=lambda its: replace(its, wrap_up_s=WRAP_UP_S), phones=4)
    await office.ready()
    await office.start()
    await office.in_flight(4, "bridged")
    of = {str(call["operator"]): str(call["number"]) for call in await office.calls()}
    await office.do("102", "dispose", {"disposition": "dnc", "note": "in the talk"})
    for operator in office.operators:
        await office.stands(operator, "wrap_up", timeout_s=5)
    await office.do("101", "dispose", {"disposition": "refused"})
    await office.do("101", "dispose", {"disposition": "agreed", "note": "said again"})
    await asyncio.sleep(SETTLE_S[State.WRAP_UP])  # keys that come sooner were meant for the talk
    await office.lab.world.phone("103").press("2#")
    at = {"disposition": "callback", "callback_at": LATER.isoformat()}
    await office.do("104", "dispose", at)
    await office.lab.world.phone("103").press("*#")  # ready at once, the wrap-up is cut short
    await office.stands("103", "ready", timeout_s=1.5)
    assert await office.state("101") == "wrap_up"
    for operator in ("101", "102", "104"):
        await office.stands(operator, "ready", timeout_s=WRAP_UP_S + 2)

    async def written() -> bool:
        return all(cdr.wrap_up_s is not None for cdr in await office.cdrs())

    await office.until(written, "what was said is in the database")
    cdrs = {str(cdr.operator): cdr for cdr in await office.cdrs()}
    leads = {lead.number: lead for lead in await office.leads()}
    dnc = {row["entry"] for row in (await office.service.get("/v1/dnc"))["items"]}
    said = {operator: (cdr.disposition, cdr.note) for operator, cdr in cdrs.items()}
    assert said == {
        "101": ("agreed", "said again"),
        "102": ("dnc", "in the talk"),
        "103": ("refused", ""),
        "104": ("callback", ""),
    }
    assert dnc == {of["102"]}
    assert leads[of["101"]].status is LeadStatus.DONE
    assert leads[of["102"]].status is LeadStatus.EXCLUDED
    assert leads[of["103"]].status is LeadStatus.DONE
    assert (leads[of["104"]].status, leads[of["104"]].next_at) == (LeadStatus.RETRY, LATER)
    for operator in ("101", "102", "104"):
        assert cdrs[operator].wrap_up_s == pytest.approx(WRAP_UP_S, abs=0.3)
    assert cdrs["103"].wrap_up_s is not None
    assert cdrs["103"].wrap_up_s < WRAP_UP_S - 0.5


async def test_a_campaign_can_pause_its_operators_after_wrap_up_and_every_move_is_in_the_ledger(
    office: Office,
) -> None:
    people = numbers("+7917", 2)
    await office.begin(
        people, change=lambda its: replace(its, wrap_up_s=1.0, after_wrap_up_ready=False), phones=1
    )
    await office.ready()
    await office.start()
    await office.stands("101", "talking")
    await office.do("101", "logout")
    await office.do("101", "ready")  # takes the log-out back
    await office.stands("101", "paused", "wrap_up_over")
    assert len(await office.cdrs()) == 1
    await office.change(wrap_up_s=0.0, after_wrap_up_ready=True)
    await office.do("101", "ready")
    await office.until(lambda: two_records(office), "the second call is over")
    await office.stands("101", "ready")
    await office.do("101", "logout")
    await office.stands("101", "offline", "logout")
    await office.quiet()
    async with office.stores() as stores:
        changes = await stores.records.changes(None, office.since_at, datetime.now(UTC))
    cdrs = await office.cdrs()
    moves = [(change.was.value, change.became.value) for change in changes if change.was != change.became]
    states = [moves[0][0], *(became for _, became in moves)]
    assert states == [
        *("offline", "connecting", "paused", "ready", "reserved", "talking", "wrap_up", "paused"),
        *("ready", "reserved", "talking", "ready", "offline"),
    ]
    assert all(left == right for (_, left), (right, _) in pairwise(moves))
    assert [cdr.wrap_up_s for cdr in cdrs] == [pytest.approx(1.0, abs=0.3), 0.0]


async def two_records(office: Office) -> bool:
    return len(await office.cdrs()) == 2
