"""The card that an operator in a call or in wrap-up works on, and what is written when he is done with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Remark, WrapUp
from dialer.domain.disposition import BARS, DEFAULT, Disposition, Then, known
from dialer.domain.errors import BadField, Conflict
from dialer.domain.lead import Lead, after_disposition, never_again
from dialer.domain.operators import Operator, State
from dialer.domain.promise import FIELD, Promise, promised
from dialer.domain.said import said
from dialer.domain.schedule import HolidayOf, ZoneOf, no_holidays
from dialer.domain.types import CallId, OperatorId, PhoneNumber
from dialer.ports.journal import Marks

TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Card:
    """What an operator in a call or in wrap-up works on."""

    call: CallId
    lead: Lead | None
    campaign: Campaign


class Cards:
    """One for each operator at most."""

    def __init__(self, journal: Marks) -> None:
        self._journal = journal
        self._cards: dict[OperatorId, Card] = {}
        self._said_at: dict[OperatorId, datetime] = {}  # the last remark on the present call
        self.zone_of: ZoneOf  # set by the cell
        self.holiday_of: HolidayOf = no_holidays  # set by the cell
        self.on_never: Callable[[PhoneNumber, CallId], None] = lambda number, call: None  # to be called again

    def open(self, operator: OperatorId, card: Card) -> None:
        self._cards[operator] = card

    def moved(self, call: CallId, lead: Lead | None) -> None:
        """The call is over, its lead is now this."""
        for operator, card in self._cards.items():
            if card.call == call:
                self._cards[operator] = replace(card, lead=lead)

    def never(self, operator: OperatorId, *, whole: bool = False) -> tuple[PhoneNumber, ...]:
        """What "never again" bars, said of whom the operator talks with, or has just talked with."""
        card = self._cards.get(operator)
        if card is None or card.lead is None:
            return ()
        return never_again(card.lead, whole=whole or card.campaign.dnc_whole_lead)

    def about(self, operator: OperatorId) -> Card | None:
        return self._cards.get(operator)

    def choices(self, work: Operator) -> tuple[Disposition, ...]:
        """What may be said of the call of this work: as its campaign had it when the talk began."""
        card = self._cards.get(work.id)
        return card.campaign.dispositions if card is not None and card.call == work.call else DEFAULT

    def barred(self, work: Operator) -> tuple[PhoneNumber, ...]:
        """The numbers that must never be called again, by what the operator has said so far."""
        card, meant = self._cards.get(work.id), known(self.choices(work), work.disposition)
        if card is None or card.call != work.call or meant is None or meant.then not in BARS:
            return ()
        return self.never(work.id, whole=meant.then is Then.DNC_PERSON)

    def promise(
        self, work: Operator, said_so: Disposition, asked_at: datetime | None, now: datetime
    ) -> Promise | None:
        """When the person is called again; None: not asked for. A word that is said again keeps its instant.

        BadField: not at that instant. Conflict: by no list.
        """
        if said_so.then is not Then.CALLBACK:
            if asked_at is not None:
                calls_back = [one.code for one in self.choices(work) if one.then is Then.CALLBACK]
                if not calls_back:
                    raise BadField(FIELD, said("this campaign has no disposition that asks for a callback"))
                raise BadField(
                    FIELD, said("only a callback has an instant: use {code}", code=", ".join(calls_back))
                )
            return None
        if asked_at is None and work.disposition == said_so.code and work.callback_at is not None:
            return Promise(work.callback_at)
        card = self._cards.get(work.id)
        if card is None or card.call != work.call or card.lead is None:
            raise Conflict(
                said(
                    "call {call} belongs to no lead of a list, so nobody would be called back:"
                    " add the number to a campaign",
                    call=work.call or "",
                )
            )
        return promised(card.lead, card.campaign, asked_at, now, self.zone_of, holiday_of=self.holiday_of)

    def remark(self, work: Operator, now: datetime, *, is_said: bool, note: str = "") -> None:
        """Keep what is said of the call at once: the code and instant of `work` where `is_said`, and a note.

        Later words have later instants, whatever is done to the clock.
        """
        if work.call is None:
            return
        before = self._said_at.get(work.id)
        at = self._said_at[work.id] = now if before is None else max(now, before + TICK)
        self._journal.closed(
            Remark(
                call=work.call,
                operator=work.id,
                at=at,
                disposition=work.disposition if is_said else "",
                callback_at=work.callback_at if is_said else None,
                note=note,
            )
        )

    def ready_after(self, operator: OperatorId) -> bool:
        """Whether he takes calls again when his wrap-up runs out."""
        card = self._cards.get(operator)
        return card.campaign.after_wrap_up_ready if card else True

    def close(self, work: Operator, at: datetime) -> None:
        """Write what was said; a disposition moves the lead on, "never again" blocks its numbers too.

        A code that the campaign does not know any more is written as it is, and moves nothing.
        """
        meant, barred = known(self.choices(work), work.disposition), self.barred(work)
        card = self._cards.pop(work.id, None)
        self._said_at.pop(work.id, None)
        if work.call is None:
            return
        began_at = work.since_at if work.state is State.WRAP_UP and work.since_at else at
        update = None
        if card is not None and card.call == work.call and card.lead is not None and meant is not None:
            update = after_disposition(card.lead, meant, at, card.campaign, callback_at=work.callback_at)
        for number in barred:
            self.on_never(number, work.call)
        self._journal.closed(
            WrapUp(
                call=work.call,
                operator=work.id,
                wrap_up_s=round(max(0.0, (at - began_at).total_seconds()), 3),
                disposition=work.disposition,
                at=at,
                lead=update,
                block=next(iter(barred), None),
                block_also=barred[1:],
            )
        )
