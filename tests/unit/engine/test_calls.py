"""Calls in flight: what is asked of Asterisk for each, and who of the waiting is told of a free operator."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from dialer.domain import call as c
from dialer.domain.call import Call, State
from dialer.domain.errors import BadValue, NetworkTrouble, Refused
from dialer.domain.operators import LegState
from dialer.domain.operators import State as Post
from dialer.domain.pacing.decision import TrunkView
from dialer.domain.types import CallId, CampaignId, OperatorId
from dialer.engine.calls import failure
from dialer.engine.trunks import REFUSED_PAUSE_S
from dialer.ports.asterisk import Outgoing
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.domain.stories import LEASED
from tests.unit.engine.house import MAIN, House, at_work
from tests.unit.engine.test_floor import legs, on_demand, ringing
from tests.unit.engine.virtual import in_virtual_time

ANN, BOB = OperatorId("101"), OperatorId("102")


async def requests(monkeypatch: pytest.MonkeyPatch, **campaign: Any) -> tuple[Call, Outgoing]:
    """One call that a campaign makes, and the request for it."""
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=5)))
    await house.furnish(leads=1, **campaign)
    await house.start()
    asked: list[Outgoing] = []
    originate = house.asterisk.originate

    async def heard(request: Outgoing) -> None:
        if request.channel.startswith("o-"):
            await originate(request)
            return
        asked.append(request)
        await originate(request)

    monkeypatch.setattr(house.asterisk, "originate", heard)
    await house.all_ready()
    await until(lambda: bool(asked))
    call = house.call()
    await house.settled()
    await house.stop()
    return call, asked[0]


@pytest.mark.parametrize("record", [False, True])
@in_virtual_time
async def test_a_call_is_asked_for_with_its_message_its_place_and_the_time_that_it_may_take(
    record: bool,
) -> None:
    with pytest.MonkeyPatch.context() as monkeypatch:
        call, asked = await requests(monkeypatch, record=record, ring_s=30.0)
    assert asked.channel == call.id
    assert asked.endpoint == f"PJSIP/{call.rules.dial_string}@main"
    assert (asked.context, asked.exten, asked.caller_id) == ("obz-out", "answered", call.rules.caller_id)
    assert asked.timeout_s == int(call.rules.setup_s) + 30 + 5
    assert asked.variables["OBZ_MESSAGE"] == "sorry"
    assert asked.variables["CALLERID(num)"] == call.number
    assert call.place in asked.variables.values()
    assert asked.variables.get("OBZ_REC") == (call.id if record else None)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (BadValue("the number is odd"), "the number is odd"),
        (NetworkTrouble("no link"), "no link"),
        (ValueError("x"), "a mistake of the dialer: ValueError('x')"),
    ],
)
def test_a_failure_is_told_as_a_sentence_or_as_our_own_mistake(error: Exception, told: str) -> None:
    assert failure(error) == told


# --- who waits --------------------------------------------------------------------------------------------


def waits(n: int, since_s: float, **changes: Any) -> Call:
    answer_at = now() - timedelta(seconds=since_s)
    held = replace(LEASED, id=CallId(f"c-{n}"), state=State.HELD_BACK, answer_at=answer_at)
    return replace(held, **changes)


@pytest.mark.parametrize(
    ("calls", "told"),
    [
        pytest.param([{}], "c-0", id="one waits"),
        pytest.param([{"since_s": 1}, {"since_s": 3}, {"since_s": 2}], "c-1", id="the longest first"),
        pytest.param([{"hanging_up": True, "since_s": 9}, {}], "c-1", id="one that is ended is passed over"),
        pytest.param([{"campaign": CampaignId(99), "since_s": 9}, {}], "c-1", id="another campaign's"),
        pytest.param([{"state": State.RESERVED, "since_s": 9}, {}], "c-1", id="one that has an operator"),
        pytest.param([{"bereft": True, "operator": BOB, "since_s": 9}, {}], "c-1", id="waits for its own"),
        pytest.param([{"bereft": True, "operator": ANN, "since_s": 9}, {}], "c-0", id="its own is back"),
        pytest.param([{"bereft": True, "since_s": 9}, {}], "c-0", id="lost its own, waits for anybody"),
        pytest.param([{"operator": BOB, "since_s": 9}, {}], "c-0", id="the reserved one is too slow"),
        pytest.param([{"hanging_up": True}], None, id="nobody waits"),
    ],
)
@in_virtual_time
async def test_a_free_operator_is_told_to_the_one_who_has_waited_longest(
    calls: list[dict[str, Any]], told: str | None
) -> None:
    house = House(PretendAsterisk())
    campaign = await house.furnish(operators=2, leads=0)
    await house.start()
    for n, changes in enumerate(calls):
        fields = {"since_s": 1.0, "campaign": campaign.id} | changes
        house.cell.calls.add(waits(n, **fields), None, campaign)
    heard: list[tuple[str, c.Event]] = []
    house.cell.calls.tell = lambda call, event: heard.append((call, event))  # type: ignore[method-assign]
    house.cell.calls.operator_free(ANN)
    assert heard == ([(told, c.OperatorFreed(now()))] if told else [])
    await house.stop()


@in_virtual_time
async def test_an_operator_who_comes_for_a_call_that_is_over_is_free_for_the_next() -> None:
    house = House(PretendAsterisk())
    campaign = await house.furnish(leads=0)
    await house.start()
    await house.enter("101")
    call = replace(LEASED, id=CallId("c-1"), campaign=campaign.id)
    assert house.cell.floor.reserve(call) == ANN
    house.cell.calls.tell(call.id, c.NobodyFree(now()))
    assert house.operator().call == call.id
    house.cell.calls.tell(call.id, c.Reserved(now(), ANN))
    assert house.operator().call is None
    await house.stop()


@pytest.mark.parametrize(
    ("timer", "waits_for_asterisk"),
    [(c.Timer.LAST, True), (c.Timer.RING, False), (c.Timer.TALK, False)],
)
@pytest.mark.parametrize("linked", [True, False])
@in_virtual_time
async def test_only_the_clock_that_takes_silence_for_an_end_waits_while_asterisk_cannot_be_heard(
    timer: c.Timer, waits_for_asterisk: bool, linked: bool
) -> None:
    house = House(PretendAsterisk())
    campaign = await house.furnish(leads=0)
    await house.start()
    calls, heard = house.cell.calls, list[c.Event]()
    call = waits(1, 1.0, campaign=campaign.id)
    calls.add(call, None, campaign)
    calls.tell = lambda call, event: heard.append(event)  # type: ignore[method-assign]
    if not linked:
        house.shell.linked.clear()
    calls._perform(call, c.StartTimer(timer, now() + timedelta(seconds=5)), now())
    await asyncio.sleep(6)
    waited = waits_for_asterisk and not linked
    assert [type(event) for event in heard] == ([] if waited else [c.TimerFired])
    house.shell.linked.set()
    await asyncio.sleep(0.1)
    assert [event.timer for event in heard if isinstance(event, c.TimerFired)] == [timer]
    await house.kill()


@pytest.mark.parametrize(
    ("answered", "state", "becomes"),
    [
        pytest.param(True, State.HELD_BACK, Post.PAUSED, id="the person waited for his phone in vain"),
        pytest.param(True, State.ENDED, Post.READY, id="the person hung up"),
        pytest.param(False, State.RINGING, Post.READY, id="nobody has answered yet"),
        pytest.param(False, State.ENDED, Post.READY, id="nobody answered"),
    ],
)
@in_virtual_time
async def test_only_who_lets_a_waiting_person_wait_has_missed_a_ring(
    answered: bool, state: State, becomes: Post
) -> None:
    house = await on_demand()
    call = replace(ringing(1), operator=ANN)
    assert house.cell.floor.reserve_for_dial(ANN, call)
    house.cell.floor.summon(call)
    assert (await legs(house))[ANN] is LegState.RINGING
    released = replace(call, state=state, answer_at=now() if answered else None)
    house.cell.calls._perform(released, c.Release(ANN, talked=False), now())
    assert house.operator(ANN).state is becomes
    await house.stop()


@in_virtual_time
async def test_each_state_of_a_call_is_one_line_of_the_log_without_the_number() -> None:
    structlog.reset_defaults()
    with capture_logs() as told:
        house = await at_work(Fate(after_s=2, talk_s=5), leads=1)
        await house.settled_after_dial()
        await house.stop()
    states = [line["became"] for line in told if line["event"] == "call"]
    assert states == [
        State.ORIGINATING,
        State.RINGING,
        State.ANSWERED,
        State.RESERVED,
        State.BRIDGED,
        State.ENDED,
    ]
    assert "79160000000" not in str(told)


@in_virtual_time
async def test_a_trunk_by_which_asterisk_takes_no_call_is_left_alone_for_a_while() -> None:
    house = House(PretendAsterisk())
    house.asterisk.refuse = lambda endpoint: Refused(400, "no codec") if "@" in endpoint else None
    await house.furnish(leads=2)
    await house.start()
    await house.all_ready()

    def view() -> TrunkView:
        return house.cell.pacer.trunk_views(now())[MAIN]

    await until(lambda: not view().usable, 30)
    assert view().why.startswith("Asterisk refused a call by trunk main")
    await asyncio.sleep(REFUSED_PAUSE_S - 1)
    house.asterisk.refuse = lambda endpoint: None
    await until(lambda: view().usable, 2)
    await until(lambda: bool(house.asterisk.dialled), 10)
    await house.stop()
