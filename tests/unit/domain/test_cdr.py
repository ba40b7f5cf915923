"""The record is a fold of the call: each second counted once, each lead moved on."""

from __future__ import annotations

from dataclasses import MISSING, fields, replace
from datetime import UTC

import pytest

from dialer.domain import call as c
from dialer.domain.call import Call, Rules
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Cdr, Tally, close
from dialer.domain.errors import IllegalMove
from dialer.domain.kpi import fold, plus, tally_of
from dialer.domain.lead import Lead
from dialer.domain.types import (
    Alerting,
    CampaignId,
    CellId,
    EndedBy,
    LeadId,
    LeadStatus,
    OperatorId,
    Outcome,
)
from tests.unit.domain.stories import (
    ANN,
    BOB,
    DIALLED,
    LEASED,
    RINGS,
    TO_ANSWER,
    TO_APP,
    TO_BEREFT,
    TO_MESSAGE,
    TO_TALK,
    at,
    entered,
    play,
)

CAMPAIGN = Campaign(CampaignId(1), "spring")
LEAD = Lead(LeadId(7), CampaignId(1), (LEASED.number,), status=LeadStatus.LEASED)


def record(*story: c.Event, call: Call = LEASED) -> Cdr:
    closing = close(play(call, *story)[0], CellId("main"), LEAD, CAMPAIGN)
    assert closing.cdr is not None
    return closing.cdr


def test_a_record_is_an_estimate_only_where_nobody_saw_the_end() -> None:
    seen = record(*TO_TALK, c.Destroyed(at(9), 16))
    unseen = record(*TO_TALK, c.Vanished(at(9), reborn=False, seen=True))
    assert (seen.estimated, unseen.estimated) == (False, True)
    required = {one.name: getattr(seen, one.name) for one in fields(Cdr) if one.default is MISSING}
    assert not Cdr(**required).estimated, "of an older version's, which does not say"


def test_what_no_campaign_asked_to_record_is_not_recorded() -> None:
    assert record(*TO_TALK, c.Destroyed(at(9), 16), call=replace(LEASED, rules=Rules())).recording == ""


@pytest.mark.parametrize(
    ("story", "cause", "sip", "why"),
    [
        (TO_TALK, 44, None, "no sound came from the line"),
        (TO_APP, 44, None, "no sound came from the line"),
        (TO_APP, 127, 406, "the answer brought no usable sound"),
        (TO_ANSWER, 58, None, "the answer brought no usable sound"),  # our dialplan ended it
        (TO_TALK, 127, 406, "the network ended the call"),  # there was sound: they talked
        (TO_TALK, 38, 500, "the network ended the call"),
        (TO_TALK, 16, None, ""),
    ],
)
def test_the_record_says_why_the_network_ended_an_answered_call(
    story: tuple[c.Event, ...], cause: int, sip: int | None, why: str
) -> None:
    cdr = record(*story, c.Destroyed(at(9), cause, sip))
    assert (cdr.reason, cdr.ended_by) == (why, EndedBy.NETWORK if why else EndedBy.PERSON)


def test_a_talk_on_record_second_by_second() -> None:
    cdr = record(*TO_TALK, c.Destroyed(at(65.02), 16))
    assert (cdr.dialled_at, cdr.ring_at, cdr.answer_at) == (at(0), at(1), at(5))
    assert (cdr.bridge_at, cdr.end_at) == (at(5.02), at(65.02))
    assert (cdr.setup_s, cdr.ring_s, cdr.wait_s, cdr.talk_s) == (1, 4, 0.02, 60)
    assert (cdr.outcome, cdr.operator, cdr.ended_by) == (Outcome.CONNECTED, ANN, EndedBy.PERSON)
    assert (cdr.alerting, cdr.cause, cdr.sip_code) == (Alerting.RINGING, 16, None)


def test_a_call_that_never_rang_has_no_ring_time_and_none_that_was_not_answered_has_a_wait() -> None:
    cdr = record(DIALLED, c.Destroyed(at(2), 17, 486))
    assert (cdr.setup_s, cdr.ring_s, cdr.wait_s, cdr.talk_s) == (None, None, None, 0)
    assert (cdr.outcome, cdr.sip_code) == (Outcome.BUSY, 486)


def test_ring_time_of_an_unanswered_call_lasts_to_its_end() -> None:
    assert record(DIALLED, RINGS, c.Destroyed(at(21), 19, 480)).ring_s == 20


RING_TIME_IS_OVER = c.TimerFired(at(26), c.Timer.RING)
GIVEN_UP = c.HangUpAsked(at(20), EndedBy.PACING)


@pytest.mark.parametrize("ours", [RING_TIME_IS_OVER, GIVEN_UP])
@pytest.mark.parametrize(
    ("cause", "sip", "outcome"),
    [(23, 302, Outcome.MOVED), (1, 404, Outcome.UNALLOCATED), (28, 484, Outcome.UNALLOCATED)],
)
def test_what_no_network_answers_to_a_cancel_was_said_before_ours_reached_it(
    ours: c.Event, cause: int, sip: int, outcome: Outcome
) -> None:
    cdr = record(DIALLED, RINGS, ours, c.Destroyed(at(26.1), cause, sip))
    assert (cdr.outcome, cdr.ended_by) == (outcome, EndedBy.NETWORK)


@pytest.mark.parametrize("sip", [None, 408, 480, 486, 487, 503, 603])
def test_what_gateways_answer_to_a_cancel_leaves_the_end_ours(sip: int | None) -> None:
    cdr = record(DIALLED, RINGS, RING_TIME_IS_OVER, c.Destroyed(at(26.1), 127, sip))
    assert (cdr.outcome, cdr.ended_by) == (Outcome.NO_ANSWER, EndedBy.RING_TIME)


def test_the_message_is_on_record_with_the_instant_at_which_it_began() -> None:
    cdr = record(*TO_MESSAGE, c.MessageStarted(at(6.6)), c.Destroyed(at(12), 16))
    assert (cdr.outcome, cdr.message_at, cdr.operator) == (Outcome.ABANDONED, at(6.6), None)


def test_the_operator_on_record_is_the_last_who_talked() -> None:
    taken_over = (
        *TO_BEREFT,
        c.TimerFired(at(32), c.Timer.RETURN),
        c.Reserved(at(32), BOB),
        entered(32.1, BOB),
        c.Destroyed(at(42.1), 16),
    )
    cdr = record(*taken_over)
    assert cdr.operator == BOB
    assert cdr.talk_s == pytest.approx((20 - 5.02) + 10)


@pytest.mark.parametrize(
    ("recorded", "story", "file"),
    [
        (True, (*TO_TALK, c.Destroyed(at(9), 16)), LEASED.id),
        (True, (DIALLED, RINGS, c.Destroyed(at(9), 19)), ""),
        (False, (*TO_TALK, c.Destroyed(at(9), 16)), ""),
    ],
)
def test_a_recording_is_named_when_it_was_wanted_and_two_were_bridged(
    recorded: bool, story: tuple[c.Event, ...], file: str
) -> None:
    assert record(*story, call=replace(LEASED, rules=Rules(record=recorded))).recording == file


def test_a_call_in_flight_cannot_be_closed() -> None:
    with pytest.raises(IllegalMove, match="only an ended call"):
        close(play(LEASED, *TO_TALK)[0], CellId("main"), LEAD, CAMPAIGN)


def test_what_was_never_dialled_leaves_no_record_and_gives_its_lead_back() -> None:
    ended, _ = play(LEASED, DIALLED, c.OriginateRefused(at(0.1), "no route"))
    closing = close(ended, CellId("main"), LEAD, CAMPAIGN)
    assert closing.cdr is None
    assert closing.lead is not None
    assert (closing.lead.status, closing.lead.attempts) == (LeadStatus.NEW, 0)


def test_an_attempt_counts_in_its_lead() -> None:
    ended, _ = play(LEASED, DIALLED, c.Destroyed(at(2), 17, 486))
    update = close(ended, CellId("main"), LEAD, CAMPAIGN).lead
    assert update is not None
    assert (update.attempts, update.last_outcome, update.last_at) == (1, Outcome.BUSY, at(2))


def test_a_return_call_has_no_lead_to_move() -> None:
    ended, _ = play(replace(LEASED, lead=None), *TO_TALK, c.Destroyed(at(9), 16))
    assert close(ended, CellId("main"), None, CAMPAIGN).lead is None


def test_live_sums_are_the_fold_of_the_records_in_any_order() -> None:
    cdrs = [
        record(*TO_TALK, c.Destroyed(at(65.02), 16)),
        record(DIALLED, c.Destroyed(at(2.25), 17, 486)),
        record(*TO_MESSAGE, c.Destroyed(at(12.1), 16)),
        record(*TO_TALK, c.Destroyed(at(7.123), 16)),
    ]
    sums = fold(cdrs, UTC)
    assert sums == fold(reversed(cdrs), UTC)
    assert set(sums) == {(ANN, 1, "2026-03-02"), ("", 1, "2026-03-02")}
    assert sums[ANN, 1, "2026-03-02"] == plus(tally_of(cdrs[0]), tally_of(cdrs[3]))
    assert sums[OperatorId(""), 1, "2026-03-02"] == Tally(
        attempts=2, answered=1, connected=0, abandoned=1, talk_s=0, duration_s=14.35
    )
