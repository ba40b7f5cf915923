"""The card that an operator in a call or in wrap-up works on, and what is written when he is done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import WrapUp
from dialer.domain.errors import BadField, Conflict
from dialer.domain.lead import Disposition, Lead, after_disposition, never_again
from dialer.domain.operators import Operator, State
from dialer.domain.promise import FIELD, Promise, promised
from dialer.domain.said import said
from dialer.domain.schedule import HolidayOf, ZoneOf, no_holidays
from dialer.domain.types import CallId, OperatorId, PhoneNumber
from dialer.ports.stores import Marks


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

    def never(self, operator: OperatorId) -> Sequence[PhoneNumber]:
        """What "never again" bars, said of whom the operator talks with, or has just talked with."""
        card = self._cards.get(operator)
        if card is None or card.lead is None:
            return ()
        return never_again(card.lead, whole=card.campaign.dnc_whole_lead)

    def about(self, operator: OperatorId) -> Card | None:
        return self._cards.get(operator)

    def promise(
        self, work: Operator, disposition: str, asked_at: datetime | None, now: datetime
    ) -> Promise | None:
        """When the person is called again; None: not asked for. A word that is said again keeps its instant.

        BadField: not at that instant. Conflict: by no list.
        """
        if disposition != Disposition.CALLBACK:
            if asked_at is not None:
                raise BadField(FIELD, said("an instant goes with the disposition callback only"))
            return None
        if asked_at is None and work.disposition == disposition and work.callback_at is not None:
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

    def ready_after(self, operator: OperatorId) -> bool:
        """Whether he takes calls again when his wrap-up runs out."""
        card = self._cards.get(operator)
        return card.campaign.after_wrap_up_ready if card else True

    def close(self, work: Operator, at: datetime) -> None:
        """Write what was said; a disposition moves the lead on, "never again" blocks the number too."""
        card = self._cards.pop(work.id, None)
        if work.call is None:
            return
        lead = card.lead if card and card.call == work.call else None
        began_at = work.since_at if work.state is State.WRAP_UP and work.since_at else at
        update = None
        if lead is not None and card is not None and work.disposition:
            update = after_disposition(
                lead, work.disposition, at, card.campaign, callback_at=work.callback_at
            )
        never: Sequence[PhoneNumber] = ()
        if lead is not None and card is not None and work.disposition == Disposition.DNC:
            never = never_again(lead, whole=card.campaign.dnc_whole_lead)
        for number in never:
            self.on_never(number, work.call)
        self._journal.closed(
            WrapUp(
                call=work.call,
                operator=work.id,
                wrap_up_s=round(max(0.0, (at - began_at).total_seconds()), 3),
                disposition=work.disposition,
                at=at,
                lead=update,
                note=work.note,
                block=never[0] if never else None,
                block_also=tuple(never[1:]),
            )
        )
