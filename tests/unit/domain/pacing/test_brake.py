"""The brake: a campaign stops when people are abandoned though operators were there, and tries again."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dialer.domain.call import Call, State
from dialer.domain.campaign import Campaign
from dialer.domain.pacing.brake import FIRST_PAUSE, LONGEST_PAUSE, Brakes
from dialer.domain.types import (
    CallId,
    CampaignId,
    Direction,
    EndedBy,
    Mode,
    OperatorId,
    Outcome,
    PhoneNumber,
    TrunkId,
)

ONE = CampaignId(1)
T0 = datetime(2026, 3, 2, 9, tzinfo=UTC)
NUMBER, TRUNK, ANN = PhoneNumber("+79160000000"), TrunkId("main"), OperatorId("101")


class Day:
    """Calls one after another, ten seconds apart."""

    def __init__(self, mode: Mode = Mode.PROGRESSIVE, ceiling: float = 0.03) -> None:
        self.brakes = Brakes()
        self.campaign = Campaign(ONE, "spring", mode=mode, ceiling=ceiling)
        self.now = T0
        self.calls = 0
        self.note()

    def note(self, *, running: bool = True) -> None:
        self.brakes.note([self.campaign] if running else [])

    def told(self, in_flight: int = 0) -> str:
        return str(self.brakes.obstacle(ONE, self.now, in_flight))

    def restart(self) -> None:
        """Another life of the service."""
        states, self.brakes = self.brakes.to_states(), Brakes()
        self.brakes.load(states)
        self.note()

    def play(self, story: str) -> None:
        """t: a talk; a: abandoned with an operator reserved; o: without one; n: no answer; h: hung up.

        i: as a, and it was ringing when this life of the service began.
        """
        for letter in story:
            self.now += timedelta(seconds=10)
            self.calls += 1
            self._call(letter)

    def _call(self, letter: str) -> None:
        at = self.now
        call = Call(CallId(f"c-{self.calls}"), ONE, None, NUMBER, TRUNK, state=State.RINGING, dialled_at=at)
        if letter == "i":
            self.brakes.saw(call, inherited=True)
        if letter != "o":
            call = replace(call, operator=ANN)
        self.brakes.saw(call)
        if letter == "n":
            self.brakes.saw(replace(call, state=State.ENDED, end_at=at, outcome=Outcome.NO_ANSWER))
            return
        call = replace(call, state=State.ANSWERED, answer_at=at)
        self.brakes.saw(call)
        match letter:
            case "t":
                call = replace(call, state=State.BRIDGED, bridge_at=at)
                outcome = Outcome.CONNECTED
            case "h":
                outcome = Outcome.HUNG_UP_EARLY
            case _:
                call = replace(call, state=State.MESSAGE, operator=None, ended_by=EndedBy.SERVICE)
                outcome = Outcome.ABANDONED
        self.brakes.saw(call)
        self.brakes.saw(replace(call, state=State.ENDED, end_at=at, outcome=outcome, operator=None))


@pytest.mark.parametrize(
    ("mode", "story", "is_on"),
    [
        (Mode.PROGRESSIVE, "tttt", False),
        (Mode.PROGRESSIVE, "a", False),  # one phone that vanished proves nothing
        (Mode.PROGRESSIVE, "ttttattt", False),
        (Mode.PROGRESSIVE, "ata", True),  # 2 of 3: more than the ceiling
        (Mode.PROGRESSIVE, "a" + 70 * "t" + "a", False),  # 2 of 72 is less than 3 %
        (Mode.PROGRESSIVE, "a" + 40 * "t" + "a", True),
        (Mode.PROGRESSIVE, "a" + 100 * "t" + "a", False),  # only the last hundred count
        (Mode.PROGRESSIVE, "nnnnhhhh", False),
        (Mode.POWER, "aa", False),
        (Mode.POWER, "aaa", True),
        (Mode.POWER, "anhaona", True),  # neither of these was a talk
        (Mode.POWER, "aataa", False),
        (Mode.POWER, "oooooooo", False),  # nobody was free: what its ratio is for
        (Mode.PREDICTIVE, "aaa", True),
        (Mode.PREDICTIVE, "oooo", False),
        (Mode.PREDICTIVE, "aoaoa", True),
        (Mode.MANUAL, "aaa", True),
    ],
)
def test_when_the_brake_is_pulled(mode: Mode, story: str, is_on: bool) -> None:
    day = Day(mode)
    day.play(story)
    assert (ONE in day.brakes.on()) is is_on
    assert bool(day.told()) is is_on


@pytest.mark.parametrize(
    ("lives", "is_on"),
    [
        (["ttt", "iiiiiiii"], False),  # one cause, and it is over
        (["ttt", "iiiiiiii", "tiii"], False),
        (["ttt", "iii", "iii"], False),
        (["ttt", "iii", "iii", "iii"], True),  # it dies and dies, and nobody talks between
        (["ttt", "iiiaa"], True),  # two more that were dialled by this life
        (["ttt", "iiia"], False),
    ],
)
def test_all_who_answered_while_the_service_was_away_are_one_mishap(lives: list[str], is_on: bool) -> None:
    day = Day(Mode.POWER)
    for life in lives:
        day.restart()
        day.play(life)
    assert (ONE in day.brakes.on()) is is_on


def test_the_reason_has_figures_and_says_when_it_is_tried_again() -> None:
    day = Day(Mode.POWER)
    day.play("aaa")
    assert day.told() == (
        "the brake is on: 3 people in a row were abandoned though operators were reserved;"
        " one call tries again in 60 s"
    )
    day = Day(Mode.PROGRESSIVE)
    day.play("ttata")
    assert "2 of the last 5 people who answered were abandoned" in day.told()


def test_after_its_pause_one_call_tries_and_a_talk_releases_the_brake() -> None:
    day = Day(Mode.POWER)
    day.play("aaa")
    day.now += FIRST_PAUSE
    assert day.told(in_flight=0) == ""
    assert day.told(in_flight=1).endswith("one call tries whether that is over")
    day.play("n")
    assert day.told(in_flight=0) == "", "nobody answered: the next one tries"
    day.play("t")
    assert not day.brakes.on()
    assert day.told(in_flight=5) == ""


def test_each_try_that_fails_doubles_the_pause_up_to_an_hour() -> None:
    day, pauses = Day(Mode.POWER), []
    day.play("aaa")
    for _ in range(9):
        pulled_at = day.now
        while day.told():
            day.now += timedelta(seconds=1)
        pauses.append(round((day.now - pulled_at).total_seconds()))
        day.play("a")
    assert pauses[:4] == [60, 120, 240, 480]
    assert pauses[-1] == LONGEST_PAUSE.total_seconds()


def test_a_talk_releases_the_brake_and_the_next_pause_is_longer_all_the_same() -> None:
    day = Day(Mode.POWER)
    day.play("aaa")
    day.now += FIRST_PAUSE
    day.play("t")
    assert not day.brakes.on()
    day.play("aaa")
    assert day.told().endswith("one call tries again in 120 s")


def test_after_an_hour_without_the_brake_the_next_pause_is_a_first_one_again() -> None:
    for minutes, pause_s in ((59, 120), (61, 60)):
        day = Day(Mode.POWER)
        day.play("aaa")
        day.now += FIRST_PAUSE
        day.play("t")
        day.now += timedelta(minutes=minutes)
        day.play("aaa")
        assert day.told().endswith(f"one call tries again in {pause_s} s")


def test_who_starts_the_campaign_anew_starts_the_pauses_anew() -> None:
    day = Day(Mode.POWER)
    day.play("aaa")
    day.now += FIRST_PAUSE
    day.play("a")
    assert day.told().endswith("one call tries again in 120 s")
    day.note(running=False)
    day.note()
    day.play("aaa")
    assert day.told().endswith("one call tries again in 60 s")


def test_calls_that_were_under_way_when_it_was_pulled_are_no_tries() -> None:
    day = Day(Mode.POWER)
    day.play("aaa")
    day.play("at")
    assert day.brakes.on()
    assert day.told().endswith("one call tries again in 40 s")


def test_a_person_releases_it_by_starting_the_campaign_anew() -> None:
    day = Day(Mode.POWER)
    day.play("aaa")
    day.note()
    assert day.brakes.on()
    day.note(running=False)
    assert day.brakes.on()
    day.note()
    assert not day.brakes.on()


def test_a_restart_does_not_forget_it() -> None:
    day = Day(Mode.POWER)
    day.play("aaa")
    states = json.loads(json.dumps(day.brakes.to_states()))
    day.brakes = Brakes()
    day.brakes.load(states)
    day.note()  # the campaign runs from the first decision on: nobody has started it
    (why,) = day.brakes.on().values()
    assert str(why).startswith("the brake is on: 3 people in a row")
    assert "one call tries again in" in day.told()
    assert day.brakes.to_states() == states


def test_return_calls_neither_pull_nor_release_it() -> None:
    day = Day(Mode.POWER)
    call = Call(CallId("c-9"), ONE, None, NUMBER, TRUNK, state=State.MESSAGE, answer_at=T0)
    for _ in range(5):
        day.brakes.saw(replace(call, direction=Direction.IN))
    assert not day.brakes.on()


@pytest.mark.parametrize("hours", [5, -5])
def test_a_pause_is_as_long_as_it_was_whatever_the_clock_is_set_to(hours: int) -> None:
    day = Day(Mode.POWER)
    day.play("aaa")
    day.brakes.clock_was_set(timedelta(hours=hours))
    day.now += timedelta(hours=hours, seconds=20)
    assert day.told().endswith("one call tries again in 40 s")


def test_those_whose_answers_were_heard_too_late_are_one_mishap() -> None:
    day = Day(Mode.POWER)
    for n in range(1, 9):
        day.brakes.heard_late(CallId(f"c-{n}"))
    day.play("aaaaaaaa")
    assert not day.brakes.on()
    day.play("aa")
    assert day.brakes.on()


def test_a_pause_begins_when_the_person_was_gone_and_not_when_the_call_was_answered() -> None:
    day = Day(Mode.POWER)
    day.play("aa")
    call = Call(CallId("c-9"), ONE, None, NUMBER, TRUNK, dialled_at=day.now, operator=ANN)
    call = replace(call, state=State.ANSWERED, answer_at=day.now)
    day.brakes.saw(call)
    day.now += timedelta(seconds=7)
    gone = replace(call, state=State.ENDED, end_at=day.now, outcome=Outcome.ABANDONED, operator=None)
    day.brakes.saw(gone)
    assert day.told().endswith("one call tries again in 60 s")
