"""The gates at the moment of dialing: in order, with a sentence, a rule and the instant when they open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.dialable import DialRules, NumberFacts, NumberType, check_allowed
from dialer.domain.gates import may_dial
from dialer.domain.lead import Lead, after_refusal, unchanged
from dialer.domain.schedule import every_day
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CampaignId,
    CampaignStatus,
    LeadId,
    Mode,
    Outcome,
    PhoneNumber,
    Purpose,
    TrunkId,
)
from dialer.domain.verdict import Gate, Verdict

zone_of = cache(ZoneInfo)
NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # Monday noon in Moscow
NUMBER = PhoneNumber("+79161234567")
CAMPAIGN = Campaign(CampaignId(1), "spring", status=CampaignStatus.RUNNING, trunks=(TrunkId("main"),))
LEAD = Lead(LeadId(1), CampaignId(1), (NUMBER,), zones=("Europe/Moscow",))
TRUNK = Trunk(TrunkId("main"), "192.0.2.1")


@dataclass(frozen=True)
class Known:
    last_end_at: datetime | None = None
    last_outcome: str = ""
    dnc: str = ""
    in_call: bool = False


def ago(outcome: Outcome, **span: float) -> Known:
    return Known(NOW - timedelta(**span), outcome)


def check_number(number: PhoneNumber, trunks: Sequence[Trunk], country: str) -> None:
    """A site where numbers of code 809 are closed."""
    kind = NumberType.PREMIUM_RATE if number.startswith("+7809") else NumberType.MOBILE
    check_allowed(NumberFacts(kind, "RU", "Russia"), DialRules(frozenset({"RU", country})))


def ask(
    campaign: Campaign = CAMPAIGN,
    lead: Lead = LEAD,
    history: Known | None = None,
    number: str = "",
    now: datetime = NOW,
) -> Verdict:
    return may_dial(
        campaign,
        replace(lead, numbers=(PhoneNumber(number),)) if number else lead,
        TRUNK,
        history or Known(),
        now,
        zone_of=zone_of,
        check_number=check_number,
    )


def test_an_ordinary_lead_may_be_dialled() -> None:
    assert ask() == Verdict(True)


Spoil = Callable[[Campaign, Lead, Known], tuple[Campaign, Lead, Known]]
SPOILS: dict[Gate, Spoil] = {
    Gate.STATUS: lambda c, lead, h: (replace(c, status=CampaignStatus.PAUSED), lead, h),
    Gate.LIST: lambda c, lead, h: (replace(c, paused_lists=frozenset({0})), lead, h),
    Gate.LAW: lambda c, lead, h: (replace(c, purpose=Purpose.ADVERTISING), lead, h),
    Gate.NUMBER: lambda c, lead, h: (c, replace(lead, numbers=(PhoneNumber("+441632960960"),)), h),
    Gate.DNC: lambda c, lead, h: (c, lead, replace(h, dnc="asked on 1 March")),
    Gate.ATTEMPTS: lambda c, lead, h: (c, replace(lead, attempts=10), h),
    Gate.HOURS: lambda c, lead, h: (replace(c, schedule=every_day(time(13), time(20))), lead, h),
    Gate.REST: lambda c, lead, h: (c, lead, replace(h, last_end_at=NOW, last_outcome=Outcome.NO_ANSWER)),
}


@pytest.mark.parametrize("first", list(SPOILS))
def test_gates_are_asked_in_order_and_the_first_closed_one_answers(first: Gate) -> None:
    campaign, lead, history = CAMPAIGN, LEAD, Known()
    order = list(SPOILS)
    for gate in order[order.index(first) :]:
        campaign, lead, history = SPOILS[gate](campaign, lead, history)
    verdict = ask(campaign, lead, history, lead.number)
    assert (verdict.ok, verdict.gate) == (False, first)


def test_a_number_of_a_closed_type_is_a_closed_gate_with_the_way_to_open_it() -> None:
    verdict = ask(number="+78095051234")
    assert (verdict.ok, verdict.gate, verdict.opens_at) == (False, Gate.NUMBER, None)
    assert verdict.reason == (
        "a premium-rate number (Russia) is closed; to allow it, add premium-rate to DIALER_NUMBER_TYPES"
    )


@pytest.mark.parametrize("status", [one for one in CampaignStatus if one is not CampaignStatus.RUNNING])
def test_only_a_running_campaign_dials(status: CampaignStatus) -> None:
    assert ask(replace(CAMPAIGN, status=status)).reason == f"the campaign is {status}"


def test_a_list_that_is_paused_is_not_dialled_and_its_lead_stays_as_it_was() -> None:
    paused = replace(CAMPAIGN, paused_lists=frozenset({3}))
    assert ask(paused).ok
    verdict = ask(paused, replace(LEAD, import_id=3))
    assert (verdict.gate, verdict.reason, verdict.opens_at) == (Gate.LIST, "list 3 is paused", None)
    assert after_refusal(LEAD, verdict, NOW) == unchanged(LEAD)


def test_an_archived_campaign_dials_nobody_whatever_its_status() -> None:
    assert ask(replace(CAMPAIGN, archived=True)).reason == "the campaign is archived"


def test_the_law_is_asked_at_the_moment_of_dialing_too() -> None:
    advertising = replace(CAMPAIGN, purpose=Purpose.ADVERTISING)
    verdict = ask(advertising)
    assert (verdict.gate, verdict.rule, verdict.opens_at) == (Gate.LAW, "ru-no-automatic-advertising", None)
    assert ask(replace(advertising, mode=Mode.PREVIEW)).ok


@pytest.mark.parametrize("number", ["112", "+7112", "+441632960960", "79031112233", "+79031112233\r\nX: 1"])
def test_a_number_that_must_not_go_out_is_refused_masked(number: str) -> None:
    verdict = ask(number=number)
    assert (verdict.gate, verdict.opens_at) == (Gate.NUMBER, None)
    assert "903111" not in verdict.reason


def test_a_blocked_number_is_refused_with_its_reason() -> None:
    verdict = ask(history=Known(dnc="asked {politely} on 1 March"))
    assert verdict.reason == "the number is on the do-not-call list: asked {politely} on 1 March"


def test_the_attempts_cap_counts_figures() -> None:
    assert ask(lead=replace(LEAD, attempts=9)).ok
    verdict = ask(lead=replace(LEAD, attempts=12))
    assert (verdict.reason, verdict.rule) == (
        "12 attempts were made, 10 are allowed",
        "campaign.max_attempts",
    )


class TestHours:
    def test_closed_hours_say_when_they_open(self) -> None:
        verdict = ask(now=datetime(2026, 3, 2, 18, 0, tzinfo=UTC))
        assert (verdict.gate, verdict.rule) == (Gate.HOURS, "campaign.schedule")
        assert verdict.opens_at == datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
        assert verdict.reason == "it is Mon 21:00 in Europe/Moscow, calls are allowed Mon-Sun 09:00-20:00"

    def test_every_possible_zone_must_be_open(self) -> None:
        wide = replace(LEAD, zones=("Europe/Moscow", "Asia/Kamchatka"))
        assert not ask(lead=wide).ok
        assert ask(lead=wide, now=datetime(2026, 3, 2, 7, 0, tzinfo=UTC)).ok

    def test_a_lead_without_a_zone_is_never_guessed(self) -> None:
        verdict = ask(lead=replace(LEAD, zones=()))
        assert (verdict.gate, verdict.opens_at) == (Gate.HOURS, None)
        assert "give the lead a time zone" in verdict.reason

    @pytest.mark.parametrize(
        ("at", "ok"),
        [
            ("2026-03-02 18:59", True),  # Monday 21:59
            ("2026-03-02 19:00", False),
            ("2026-03-01 16:59", True),  # Sunday 19:59
            ("2026-03-01 17:00", False),
            ("2026-03-01 05:59", False),
            ("2026-03-01 06:00", True),
        ],
    )
    def test_lawful_hours_narrow_the_schedule(self, at: str, ok: bool) -> None:
        debt = replace(CAMPAIGN, purpose=Purpose.DEBT, schedule=every_day(time(0), time(0)))
        verdict = ask(debt, now=datetime.fromisoformat(at).replace(tzinfo=UTC))
        assert verdict.ok is ok
        if not ok:
            assert verdict.rule == "campaign.schedule and ru-debt-hours"
            assert verdict.version


class TestRest:
    def test_a_number_that_is_in_a_call_is_looked_at_again_in_a_minute(self) -> None:
        verdict = ask(history=Known(in_call=True))
        assert (verdict.gate, verdict.opens_at) == (Gate.REST, NOW + timedelta(seconds=60))
        assert str(verdict.reason) == "the number is in a call at this moment"

    @pytest.mark.parametrize(
        ("history", "ok"),
        [
            (ago(Outcome.NO_ANSWER, minutes=29), False),
            (ago(Outcome.NO_ANSWER, minutes=30), True),
            (ago(Outcome.CONNECTED, minutes=29), False),
            (ago(Outcome.ABANDONED, hours=71), False),
            (ago(Outcome.ABANDONED, hours=72), True),
            (ago(Outcome.BUSY, seconds=1), True),  # the phone did not ring
            (ago(Outcome.CONGESTION, seconds=1), True),
            (Known(), True),
        ],
    )
    def test_a_number_rests_after_its_phone_rang(self, history: Known, ok: bool) -> None:
        verdict = ask(history=history)
        assert verdict.ok is ok
        if not ok and history.last_end_at:
            assert verdict.opens_at is not None
            assert verdict.opens_at > NOW

    def test_the_sentence_has_figures_and_the_instant(self) -> None:
        verdict = ask(history=ago(Outcome.ABANDONED, hours=5))
        assert verdict.reason == (
            "the last attempt at this number ended 5 h ago (abandoned), it rests for 3 d"
        )
        assert (verdict.opens_at, verdict.rule) == (NOW + timedelta(hours=67), "campaign.abandoned_rest")

    def test_the_longest_of_campaign_and_law_holds(self) -> None:
        debt = replace(CAMPAIGN, purpose=Purpose.DEBT)
        verdict = ask(debt, history=ago(Outcome.CONNECTED, hours=23))
        assert (verdict.gate, verdict.rule) == (Gate.REST, "ru-debt-one-talk-a-day")
        assert ask(debt, history=ago(Outcome.NO_ANSWER, hours=1)).ok

    def test_a_guaranteed_operator_lifts_the_british_rest_but_not_the_campaigns_own(self) -> None:
        british = replace(CAMPAIGN, country="GB", abandoned_rest=timedelta(hours=1))
        history = ago(Outcome.ABANDONED, hours=2)
        assert ask(british, history=history).ok
        assert ask(replace(british, mode=Mode.POWER), history=history).rule == "uk-after-abandoned"


def test_a_verdict_keeps_sentence_and_figures_apart_for_translation() -> None:
    verdict = ask(lead=replace(LEAD, attempts=10))
    assert verdict.text == "{made} attempts were made, {most} are allowed"
    assert verdict.args == {"made": 10, "most": 10}


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (119, "119 s"),
        (120, "2 min"),
        (179, "2 min"),
        (7_199, "119 min"),
        (7_200, "2 h"),
        (10_799, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 d"),
        (259_199, "2 d"),
    ],
)
def test_how_long_ago_is_told_in_whole_units(seconds: float, told: str) -> None:
    rests = replace(CAMPAIGN, rest=timedelta(days=9))
    verdict = ask(rests, history=ago(Outcome.NO_ANSWER, seconds=seconds))
    assert verdict.reason == (
        f"the last attempt at this number ended {told} ago (no answer), it rests for 9 d"
    )


def test_an_outcome_of_another_version_is_named_as_it_is_written() -> None:
    rests = replace(CAMPAIGN, purpose=Purpose.DEBT)
    assert ask(rests, history=Known(NOW, "sent_to_the_moon")).ok
    assert ask(history=Known(NOW + timedelta(seconds=5), "sent_to_the_moon")).reason.startswith(
        "the last attempt at this number ended 0 s ago (sent to the moon)"
    )


# --- what was promised to the person ------------------------------------------------------------------------

PROMISED = replace(LEAD, attempts=CAMPAIGN.max_attempts, promised_at=NOW)


def test_a_callback_that_was_asked_for_passes_the_most_attempts_and_the_campaigns_rest() -> None:
    lately = ago(Outcome.CONNECTED, minutes=1)
    assert ask(lead=PROMISED, history=lately).ok
    assert ask(lead=replace(PROMISED, promised_at=None)).gate is Gate.ATTEMPTS
    assert ask(lead=replace(PROMISED, promised_at=None, attempts=1), history=lately).gate is Gate.REST


def test_a_callback_that_was_asked_for_passes_no_other_gate() -> None:
    closed = replace(CAMPAIGN, schedule=every_day(time(3), time(4)))
    assert ask(closed, PROMISED).gate is Gate.HOURS
    assert ask(lead=PROMISED, history=Known(dnc="asked for")).gate is Gate.DNC
    assert ask(lead=PROMISED, history=Known(in_call=True)).gate is Gate.REST
    assert ask(lead=PROMISED, history=ago(Outcome.ABANDONED, minutes=1)).gate is Gate.REST
