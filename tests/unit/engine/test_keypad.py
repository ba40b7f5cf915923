"""Keys on the leg: what they do to the talk and the shift, and what the operator alone hears of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from dialer.domain import disposition, keys, pauses, shifts
from dialer.domain.call import KeyPressed
from dialer.domain.disposition import Disposition, Then, Title
from dialer.domain.keys import END_TALK, INTER_DIGIT_S, QUIET_S, SETTLE_S
from dialer.domain.operators import Account, LegState, Operator, State
from dialer.domain.types import CallId, Language, LeadStatus, OperatorId
from dialer.engine.keypad import Keypad
from dialer.ports.asterisk import ChannelNews
from dialer.sim.clock import now, until
from dialer.sim.fate import Fate
from dialer.sim.switch import PretendAsterisk
from tests.unit.engine.house import House
from tests.unit.engine.virtual import in_virtual_time


async def open_house(*, leads: int = 1, wrap_up_s: float = 30.0, talk_s: float = 300) -> House:
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=talk_s)))
    account = Account(OperatorId("101"), "Anna", language=Language.RU)
    await house.furnish(operators=1, leads=leads, wrap_up_s=wrap_up_s, account=account)
    await house.start()
    await house.all_ready()
    return house


def press(house: House, keys: str) -> None:
    leg = house.operator().channel
    assert leg is not None
    for key in keys:
        house.cell.heard(ChannelNews(leg, KeyPressed(now(), key)))


def mutes_a_talk(pretend: PretendAsterisk) -> bool:
    """A playback on a leg silences the person in its bridge."""
    rooms = {pretend.lines[leg].bridge for leg in pretend.playing.values() if leg in pretend.lines}
    return any(line.is_person and line.bridge in rooms for line in pretend.lines.values())


async def in_talk(house: House, n: int = 1) -> None:
    await until(lambda: house.watcher.seen["bridged"] == n and house.operator().state is State.TALKING, 120)
    await asyncio.sleep(SETTLE_S[State.TALKING])


async def heard(house: House, *words: str) -> None:
    """Until the operator has been told this, last of all."""
    wanted = tuple(f"sound:prompts/ru/{word}" for word in words)
    await until(lambda: house.asterisk.told[-1:] == [(house.operator().channel, wanted)], 3.0)


@in_virtual_time
async def test_a_shift_by_keys_and_each_of_them_is_answered_in_words() -> None:
    house = await open_house()
    await in_talk(house)
    leg = house.operator().channel
    press(house, "#*")
    await until(lambda: house.operator().state is State.WRAP_UP, 1.0)
    await heard(house, "state-wrap_up")
    press(house, "1#")
    await heard(house, "outcome", "outcome-agreed")
    press(house, "2#")
    await heard(house, "outcome", "outcome-refused")
    assert house.operator().disposition == "refused"
    press(house, "*#")
    assert (house.operator().state, house.operator().channel) == (State.READY, leg)
    await heard(house, "state-ready")
    await until(lambda: not house.journal.depth())
    (cdr,) = await house.cdrs()
    assert cdr.disposition == "refused"
    (campaign,) = house.cell.pacer.running()
    assert [lead.status for lead in await house.leads(campaign)] == [LeadStatus.DONE]
    press(house, "*2")
    assert (house.operator().state, house.operator().reason) == (State.PAUSED, "lunch")
    await heard(house, "state-paused", "pause-lunch")
    press(house, "*9")
    assert house.operator().state is State.OFFLINE
    await house.stop()


@in_virtual_time
async def test_a_person_who_hangs_up_between_two_keys_books_nothing_and_the_operator_is_told() -> None:
    house = await open_house()
    await in_talk(house)
    press(house, "#")
    house.asterisk.person_hangs_up(house.asterisk.people()[0].id)
    await until(lambda: house.operator().state is State.WRAP_UP, 1.0)
    press(house, "*")
    await heard(house, "too-late", "state-wrap_up")
    press(house, "1#")
    assert house.operator().disposition == ""
    await asyncio.sleep(QUIET_S + 0.1)
    press(house, "1#")
    assert house.operator().disposition == "agreed"
    await house.stop()


@in_virtual_time
async def test_a_talk_that_begins_between_two_keys_of_a_pause_goes_on() -> None:
    house = await open_house()
    await until(lambda: house.watcher.seen["answered"] or house.operator().state is State.RESERVED, 60)
    press(house, "*")
    await until(lambda: house.operator().state is State.TALKING, 60)
    press(house, "2")
    await asyncio.sleep(1.0)
    assert house.operator().state is State.TALKING
    assert house.operator().then is None
    assert house.operator().disposition == ""
    await house.stop()


@in_virtual_time
async def test_keys_meant_for_a_machine_do_nothing_and_nothing_is_said_of_them() -> None:
    house = await open_house()
    await in_talk(house)
    told = len(house.asterisk.told)
    for sequence in ("1", "*2", "9#", "*9", "*#"):
        press(house, sequence)
        await asyncio.sleep(INTER_DIGIT_S + 0.1)
    assert house.operator().state is State.TALKING
    assert house.operator().disposition == ""
    assert len(house.asterisk.told) == told
    await house.stop()


@in_virtual_time
async def test_keys_that_end_a_talk_twice_leave_the_next_person_on_the_line() -> None:
    house = await open_house(leads=2, wrap_up_s=0.0)
    await in_talk(house)
    press(house, "#*")
    await until(lambda: house.watcher.seen["bridged"] == 2, 60)
    press(house, "#*")
    await asyncio.sleep(5)
    assert house.operator().state is State.TALKING
    await house.stop()


@in_virtual_time
async def test_words_in_a_talk_are_whispered_and_those_before_it_are_cut_short() -> None:
    house = await open_house(leads=2, wrap_up_s=0.0, talk_s=5)
    pretend = house.asterisk
    await until(lambda: house.watcher.seen["bridged"] >= 1, 60)
    await until(lambda: house.operator().state in (State.READY, State.RESERVED), 60)
    muted = 0
    while house.watcher.seen["bridged"] < 2:
        press(house, "**")  # words all the time
        await asyncio.sleep(0.05)
    for _ in range(40):
        press(house, "1")
        await asyncio.sleep(0.05)
        muted += mutes_a_talk(pretend)
    assert muted == 0
    await house.stop()


@in_virtual_time
async def test_an_operator_of_another_language_is_answered_in_it() -> None:
    house = await open_house(leads=0)
    account = await house.stores.accounts.get(OperatorId("101"))
    house.cell.floor.load([replace(account, language=Language.EN)])
    press(house, "*1")
    wanted = ("sound:prompts/en/state-paused", "sound:prompts/en/pause-break")
    await until(lambda: house.asterisk.told[-1][1] == wanted, 1.0)
    await house.stop()


@in_virtual_time
async def test_keys_work_on_after_the_clock_was_set_back() -> None:
    house = await open_house(talk_s=600)
    await in_talk(house)
    press(house, "9")  # means nothing, and is remembered
    house.wall.set(-3600)
    await asyncio.sleep(INTER_DIGIT_S + 1)
    press(house, "#*")
    await until(lambda: house.operator().state is State.WRAP_UP, 1.0)
    await house.stop()


# --- what is said of a move ------------------------------------------------------------------------------


class Hands:
    """What keys do, written down."""

    pauses = pauses.DEFAULT

    def __init__(self, known: Operator) -> None:
        self.known = known
        self.hung_up = 0
        self.told: list[tuple[str, ...]] = []

    def get(self, operator: OperatorId) -> Operator:
        return self.known

    def ask(self, operator: OperatorId, event: shifts.Event) -> Operator:
        return self.known

    def hang_up_person(self, operator: OperatorId) -> None:
        self.hung_up += 1

    def meanings(self, operator: OperatorId) -> keys.Meanings:
        return keys.meanings(disposition.DEFAULT, pauses.DEFAULT)

    def dispose(self, operator: OperatorId, disposition: str) -> None: ...

    def say(self, operator: OperatorId, *words: str) -> None:
        self.told.append(words)


ANN = Operator(OperatorId("101"), "Ann", state=State.TALKING, leg=LegState.UP, call=CallId("c-1"))
AFTER = replace(ANN, state=State.WRAP_UP)
LOGS_IN = replace(ANN, state=State.CONNECTING, leg=LegState.RINGING, call=None, reason=shifts.LOGIN)
PAUSED = replace(ANN, state=State.PAUSED, call=None)


@pytest.mark.parametrize(
    ("ended_by_keys", "before", "after", "is_told"),
    [
        pytest.param(None, ANN, AFTER, False, id="the person hung up"),
        pytest.param("c-1", ANN, AFTER, True, id="he ended it by keys"),
        pytest.param("c-0", ANN, AFTER, False, id="he ended the talk before this one"),
        pytest.param(None, LOGS_IN, PAUSED, True, id="logged in"),
        pytest.param(None, replace(LOGS_IN, reason=shifts.SWITCH_LOST), PAUSED, False, id="Asterisk is back"),
        pytest.param(None, replace(LOGS_IN, reason=shifts.PHONE_CHANGED), PAUSED, False, id="another phone"),
        pytest.param(None, replace(LOGS_IN, state=State.PAUSED), PAUSED, False, id="he was there"),
        pytest.param(None, LOGS_IN, replace(PAUSED, leg=LegState.DOWN), False, id="no phone to hear it"),
        pytest.param(None, PAUSED, replace(PAUSED, state=State.READY), False, id="neither"),
        pytest.param(None, AFTER, replace(AFTER, disposition="x"), False, id="no move at all"),
    ],
)
@in_virtual_time
async def test_an_operator_is_told_of_a_move_that_he_made_by_keys_and_of_his_log_in(
    ended_by_keys: str | None, before: Operator, after: Operator, is_told: bool
) -> None:
    house = House(PretendAsterisk())
    await house.furnish(leads=0)
    await house.start()
    hands = Hands(ANN)
    keypad = Keypad(house.shell, hands)
    if ended_by_keys is not None:
        hands.known = replace(ANN, call=CallId(ended_by_keys))
        for key in END_TALK:
            keypad.pressed(ANN.id, key, now())
        assert hands.hung_up
    keypad.moved(before, after)
    assert bool(hands.told) is is_told
    await house.stop()


@in_virtual_time
async def test_a_campaigns_own_outcome_is_said_by_its_key_and_told_by_it_where_no_word_was_recorded() -> None:
    sold = Disposition("sold", Title("Продано", "Sold"), "7", Then.CLOSE)
    house = House(PretendAsterisk(lambda number: Fate(after_s=2, talk_s=300)))
    account = Account(OperatorId("101"), "Anna", language=Language.RU)
    await house.furnish(operators=1, leads=1, wrap_up_s=30, account=account, dispositions=(sold,))
    reasons = (pauses.PauseReason("smoke", Title("Перекур"), "7"), *pauses.DEFAULT[1:])
    await house.stores.pauses.save(pauses.PauseReasons(reasons))
    await house.start()
    await house.all_ready()
    await in_talk(house)
    press(house, "#*")
    await until(lambda: house.operator().state is State.WRAP_UP, 1.0)
    press(house, "1#")
    assert house.operator().disposition == "", "the campaign has no outcome on this key"
    await asyncio.sleep(QUIET_S + 0.1)
    press(house, "7#")
    await heard(house, "outcome", "digit-7")
    press(house, "*7")
    assert (house.operator().state, house.operator().reason) == (State.PAUSED, "smoke")
    await until(lambda: not house.journal.depth())
    (cdr,) = await house.cdrs()
    assert cdr.disposition == "sold"
    (campaign,) = house.cell.pacer.running()
    assert [lead.status for lead in await house.leads(campaign)] == [LeadStatus.DONE]
    await house.stop()
