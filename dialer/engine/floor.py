"""The floor: operators at work, their phones, their states, and who gets the next call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

import structlog

from dialer.domain import call as c
from dialer.domain import duty, keys, operators, pauses, prompts, shifts
from dialer.domain.call import Call
from dialer.domain.callerid import display_of
from dialer.domain.campaign import Campaign
from dialer.domain.changed import changed
from dialer.domain.clocks import caught_up, shifted
from dialer.domain.errors import Conflict, Missing
from dialer.domain.lead import Lead
from dialer.domain.operators import Account, LegState, Operator, State, StateChange
from dialer.domain.promise import Promise
from dialer.domain.refusal import check_outcome, check_talk
from dialer.domain.said import said
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CallId,
    CampaignId,
    ChannelId,
    Direction,
    EndedBy,
    LegKind,
    OperatorId,
    TrunkId,
)
from dialer.engine.cards import Card, Cards
from dialer.engine.contacts import Way
from dialer.engine.desks import Desks
from dialer.engine.keypad import Keypad
from dialer.engine.legs import Legs
from dialer.engine.shell import Shell
from dialer.ports.asterisk import ChannelNews

log = structlog.get_logger()

# From call to call: too much for a log. Who comes, rests, goes, or loses his phone, is told in it.
ROUTINE = {State.READY, State.RESERVED, State.TALKING, State.WRAP_UP}


class Floor:
    """Owns every operator of the cell. `reserve` is one synchronous act: nobody is given away twice."""

    def __init__(
        self,
        shell: Shell,
        campaign_of: Callable[[CampaignId], Campaign | None],
        trunk_of: Callable[[TrunkId], Trunk | None],
    ) -> None:
        self._shell = shell
        self._campaign_of = campaign_of
        self.legs = Legs(shell, self.tell, trunk_of)
        self.keypad = Keypad(shell, self)
        self.accounts: dict[OperatorId, Account] = {}
        self._operators: dict[OperatorId, Operator] = {}
        self.desks = Desks(self._operators)
        self.cards = Cards(shell.journal)
        self.pauses = pauses.DEFAULT  # the site's; set by the books
        self._summoned: dict[CallId, OperatorId] = {}
        # set by the cell: what a call must be told, and that somebody became free
        self.tell_call: Callable[[CallId, c.Event], None] = lambda call, event: None
        self.about: Callable[[CallId], tuple[Lead | None, Campaign] | None] = lambda call: None
        self.on_free: Callable[[OperatorId], None] = lambda operator: None
        self.on_change: Callable[[Operator, Operator], None] = lambda before, after: None

    # --- who is here

    def load(self, accounts: Iterable[Account]) -> None:
        """Accounts as the store has them now; people at work keep their state."""
        self.accounts = {account.id: account for account in accounts if account.enabled}
        for account in self.accounts.values():
            known = self._operators.get(account.id) or Operator(account.id, leg_kind=account.leg)
            self._operators[account.id] = changed(known, name=account.name)
        self.desks.load(self.accounts)
        self._follow()

    def _follow(self) -> None:
        """People at work follow what was changed of their accounts."""
        now = self._shell.clock()
        for operator in self.all():
            account = self.accounts.get(operator.id)
            if account is None and operator.state is not State.OFFLINE:
                self.tell(operator.id, shifts.LogoutAsked(now, "account_disabled"))
            elif account is not None and account.leg is not operator.leg_kind:
                self.tell(operator.id, shifts.LegKindChanged(now, account.leg))

    def restore(self, operators: Iterable[Operator]) -> None:
        """As the journal last saw them; what is replayed of their legs then finds its owner.

        Somebody whose account was switched off meanwhile is still in his talk.
        """
        for noted in operators:
            if noted.id in self._operators or noted.state is not State.OFFLINE:
                operator = caught_up(noted, noted.since_at, self._shell.clock())
                self._operators[operator.id] = operator
                if operator.channel is not None:
                    self.legs.adopt(operator.id, operator.channel, up=operator.leg is LegState.UP)
        self.desks.look()
        self._follow()

    def all(self) -> list[Operator]:
        return list(self._operators.values())

    def get(self, operator: OperatorId) -> Operator:
        if operator not in self._operators:
            raise Missing(
                said("there is no operator {operator}: see `dialer operator list`", operator=operator)
            )
        return self._operators[operator]

    def account(self, operator: OperatorId) -> Account:
        """Conflict when it is switched off, Missing when there is none."""
        self.get(operator)
        if operator not in self.accounts:
            raise Conflict(
                said(
                    "the account of operator {operator} is switched off:"
                    " `dialer operator set {operator} --enabled yes`",
                    operator=operator,
                )
            )
        return self.accounts[operator]

    def serves(self, operator: OperatorId, campaign: CampaignId) -> bool:
        known = self._campaign_of(campaign)
        return known is not None and operator in known.operators

    def is_free(self, operator: Operator) -> bool:
        """An answered call could be given to this operator at once."""
        up = operator.state is State.READY and operator.leg is LegState.UP
        return up and not operator.unreachable

    def is_summonable(self, operator: Operator) -> bool:
        """On demand, ready: free as soon as the phone is up."""
        down = operator.state is State.READY and operator.leg is not LegState.UP
        can_ring = operator.id in self.accounts and not operator.unreachable
        return down and operator.leg_kind is LegKind.ON_DEMAND and can_ring

    # --- moves

    def tell(self, operator: OperatorId, event: shifts.Event) -> None:
        self._shell.mailbox.post(lambda: self._handle(operator, event))

    def ask(self, operator: OperatorId, event: shifts.Event) -> Operator:
        """What a person asks for, at once; Conflict when the state does not allow it."""
        self.get(operator)
        if isinstance(event, shifts.LoginAsked):
            event = self.desks.check(event, self.account(operator))
        self._handle(operator, event)
        return self.get(operator)

    def check_login(self, operator: OperatorId, desk: str) -> None:
        """Raises what `ask` would raise for a log-in at this phone."""
        asked = shifts.LoginAsked(self._shell.clock(), desk)
        duty.step(self.get(operator), self.desks.check(asked, self.account(operator)))

    def _handle(self, operator_id: OperatorId, event: shifts.Event) -> None:
        before = self._operators.get(operator_id)
        if before is None:
            return
        after, effects = duty.step(before, event)
        if before.desk != after.desk:
            after = self.desks.seen(after)
        self._operators[operator_id] = after
        if isinstance(event, shifts.LegUp):
            self.desks.answered(after)
        elif before.desk != after.desk:
            self.desks.look()
        guard = self._shell.guard
        if after is not before:
            guard.run("note of an operator", self._shell.journal.note_operator, after)
        guard.run("keys of an operator", self.keypad.moved, before, after)
        change = self._change(before, after, event.at)
        if change is not None:
            guard.run("record of an operator", self._shell.journal.closed, change)
        for effect in effects:
            guard.run("effect of an operator", self._perform, after, effect, event.at)
        guard.run("effect of an operator", self._tell_call, before, after, event)
        if change is not None or after is not before:  # what is to follow the call is to be seen as well
            self._shell.observer.moved(change or operators.stays(after, event.at), after)
        if self.is_free(after) and not self.is_free(before):
            self.on_free(operator_id)
        self.on_change(before, after)

    def _change(self, before: Operator, after: Operator, at: datetime) -> StateChange | None:
        if (after.state, after.reason) == (before.state, before.reason):
            return None
        call, campaign = after.call or before.call, after.campaign or before.campaign
        # Asterisk cuts its instants to milliseconds: what follows must not seem to have come first
        at = max(at, before.since_at or at)
        say = log.debug if {before.state, after.state} <= ROUTINE else log.info
        say("operator", operator=after.id, was=before.state, became=after.state, reason=after.reason)
        return StateChange(after.id, before.state, after.state, after.reason, at, call, campaign)

    def _perform(self, operator: Operator, effect: shifts.Effect, at: datetime) -> None:
        match effect:
            case shifts.RingLeg():
                self._ring(operator.id)
            case shifts.RingLater(due_at):
                self._shell.timers.start(("ring", operator.id), due_at, lambda: self._ring_late(operator.id))
            case shifts.DropLeg(channel):
                self.legs.drop(channel)
            case shifts.StartWrapUp(until_at):
                self._start_wrap_up(operator, until_at)
            case shifts.EndWrapUp(work):
                self._end_wrap_up(work, at)

    def _tell_call(self, before: Operator, after: Operator, event: shifts.Event) -> None:
        """A leg that falls or comes back concerns the call it was in."""
        call = before.call
        if call is None or before.state not in (State.RESERVED, State.TALKING, State.CONNECTING):
            return
        match event:
            case shifts.LegDown(channel=channel) if before.channel != channel:
                pass
            case shifts.LegDown(trouble=trouble) if (
                trouble not in ("", shifts.NOT_CALLABLE) and before.state is State.CONNECTING
            ):
                pass  # it is tried again until the call's own clock gives him up
            case shifts.LegDown(channel=channel):
                ended = before.state is State.TALKING and before.leg_kind is LegKind.ON_DEMAND
                if ended and self.legs.was_put_down(channel):
                    self.tell_call(call, c.HangUpAsked(event.at, EndedBy.OPERATOR))
                else:
                    self.tell_call(call, c.OperatorLost(event.at, after.id))
            case shifts.LegUp() if before.state is State.CONNECTING:
                self.tell_call(call, c.OperatorReturned(event.at, after.id))
            case shifts.LegUp():
                self.tell_call(call, c.OperatorFreed(event.at))
            case _:
                pass

    def clock_was_set(self, by: timedelta) -> None:
        """Our clock shows so much more than before: everybody has been in his state as long as he was."""
        for operator in self.all():
            moved = self._operators[operator.id] = shifted(operator, by)
            if moved is not operator:
                self._shell.journal.note_operator(moved)
        self.keypad.clock_was_set(by)
        self.legs.side.clock_was_set(by)

    # --- for calls (synchronous: between the look and the move nothing else runs)

    def reserve(self, call: Call) -> OperatorId | None:
        """The call's own operator, else who has been ready longest; None when nobody is on the line."""
        if call.operator is not None:
            own = self._operators.get(call.operator)
            if own is not None and own.call == call.id and own.leg is LegState.UP:
                return call.operator
            in_hurry = call.direction is Direction.OUT and call.answer_at is not None and not call.bereft
            if in_hurry and self._free_for(call):  # too slow to his phone
                self.tell_call(call.id, c.OperatorLost(self._shell.clock(), call.operator))
            return None
        for taken in self._operators.values():  # asked twice before the answer was heard: nobody else
            if taken.state is State.RESERVED and taken.call == call.id:
                return taken.id if taken.leg is LegState.UP or call.answer_at is None else None
        free = self._free_for(call)
        if not free and call.answer_at is None:  # there is time to ring a phone
            team = [op for op in self._operators.values() if self.serves(op.id, call.campaign)]
            free = [op for op in team if self.is_summonable(op)]
        if not free:
            return None
        chosen = min(free, key=lambda op: (op.ready_since_at or self._shell.clock(), op.id))
        self._take(chosen.id, call)
        return chosen.id

    def _free_for(self, call: Call) -> list[Operator]:
        free = [operator for operator in self._operators.values() if self.is_free(operator)]
        return [operator for operator in free if self.serves(operator.id, call.campaign)]

    def reserve_for_dial(self, operator: OperatorId, call: Call) -> bool:
        """Progressive: the call's from the moment of dialing; an on-demand phone may still be down."""
        known = self._operators.get(operator)
        if known is None or not (self.is_free(known) or self.is_summonable(known)):
            return False
        self._take(operator, call)
        return True

    def _take(self, operator: OperatorId, call: Call) -> None:
        self._handle(operator, shifts.ReservedFor(self._shell.clock(), call.id, call.campaign))

    def start_talk(self, operator: OperatorId, at: datetime) -> None:
        if (known := self._operators.get(operator)) is None:
            return
        about = self.about(known.call) if known.call else None
        if known.call is not None and about is not None:
            self.cards.open(operator, Card(known.call, *about))
        self._handle(operator, shifts.TalkBegan(at))
        if known.channel is not None and self.legs.speech.is_heard(known.channel):
            self._shell.errands.start(self.hush(operator), f"hush-{operator}")

    def release(
        self, operator: OperatorId, call: CallId, at: datetime, *, talked: bool, missed: bool = False
    ) -> None:
        """Only from this call: who has another one by now is left alone."""
        known = self._operators.get(operator)
        if known is None or known.call != call:
            return
        campaign = self._campaign_of(known.campaign) if known.campaign else None
        if talked and campaign is not None:
            self._handle(operator, shifts.TalkEnded(at, campaign.wrap_up_s, campaign.after_wrap_up_ready))
        else:
            self._handle(operator, shifts.Released(at, missed))

    def show_nobody(self, operator: OperatorId, call: CallId) -> None:
        """The talk is over: the phone showed who this was."""
        if (known := self._operators.get(operator)) and known.channel is not None and known.call == call:
            self.legs.show_nobody(known.channel)

    def call_back(self, operator: OperatorId) -> None:
        """The phone vanished in mid-talk: ring it once more."""
        self._ring(operator)

    def _ring(self, operator: OperatorId, shown: str = "") -> None:
        """Whoever was switched off meanwhile has no phone any more: he is told that it will not come up."""
        if (account := self.accounts.get(operator)) is not None:
            self.legs.ring(account, self._operators[operator].desk, shown)
            return
        now, channel = self._shell.clock(), ChannelId(f"o-{operator}-none")
        self.tell(operator, shifts.LegRings(now, channel))
        self.tell(operator, shifts.LegDown(now, channel, missed=True, trouble=shifts.NOT_CALLABLE))

    def beep(self, operator: OperatorId) -> None:
        known = self._operators.get(operator)
        if known is not None and known.channel is not None:
            self.legs.beep(known.channel)

    def summon(self, call: Call) -> None:
        """The person's phone rings, or he calls back: ring the phone of an on-demand operator."""
        operator = self._to_summon(call)
        if operator is None:
            return
        self._summoned[call.id] = operator
        if self._operators[operator].leg is LegState.DOWN:
            self._ring(operator, display_of(call))

    def _to_summon(self, call: Call) -> OperatorId | None:
        if call.operator is not None:
            own = self._operators.get(call.operator)
            on_demand = own is not None and own.leg_kind is LegKind.ON_DEMAND and own.leg is LegState.DOWN
            return call.operator if on_demand else None
        taken = set(self._summoned.values())
        waiting = [
            op
            for op in self._operators.values()
            if self.is_summonable(op) and op.id not in taken and self.serves(op.id, call.campaign)
        ]
        return (
            min(waiting, key=lambda op: (op.ready_since_at or self._shell.clock(), op.id)).id
            if waiting
            else None
        )

    def missed(self, call: CallId) -> None:
        """The person waited in vain: a phone that was rung for the call, and still rings, was missed."""
        if (summoned := self._summoned.get(call)) is None:
            return
        operator = self._operators[summoned]
        rings = operator.state is State.READY and operator.leg is LegState.RINGING
        if rings and operator.channel is not None:
            self.legs.drop(operator.channel)

    def forget(self, call: Call, lead: Lead | None) -> None:
        """The call is over, its lead is now this; a phone that was rung for it alone is let go."""
        self.cards.moved(call.id, lead)
        summoned = self._summoned.pop(call.id, None)
        if summoned is None or summoned in self._summoned.values():
            return
        operator = self._operators[summoned]
        if operator.state is State.READY and operator.channel is not None:
            self.legs.drop(operator.channel)
            self._operators[summoned] = changed(operator, leg=LegState.DOWN, channel=None)

    # --- what Asterisk says of phones

    def heard(self, news: ChannelNews) -> bool:
        """True if the channel is here for an operator."""
        operator = self.legs.owner(news.channel)
        if operator is None:
            return self.legs.whispers.heard(news)
        if isinstance(news.event, c.KeyPressed):
            self.keypad.pressed(operator, news.event.digit, news.event.at)
        else:
            self.legs.heard(news)
        return True

    def phone_seen(self, phone: str, way: Way) -> None:
        """A phone without a way to it is offered no call; a talk ends by its own sound, or by a person."""
        for before in self.desks.see(phone, way):
            after = self.desks.seen(before)
            if after is before:
                continue
            self._operators[after.id] = after
            self._shell.journal.note_operator(after)
            self._shell.observer.moved(operators.stays(after, self._shell.clock()), after)
            if trouble := operators.phone_trouble(after):
                log.warning(str(trouble), operator=after.id)
            if self.is_free(after) and not self.is_free(before):
                self.on_free(after.id)
            self.on_change(before, after)

    def say(self, operator: OperatorId, *words: str) -> None:
        """Prompts to the operator alone, in the language of the account."""
        known, account = self._operators[operator], self.accounts.get(operator)
        if known.channel is not None and account is not None:
            names = [prompts.path_of(word, account.language) for word in words]
            self.legs.say(known.channel, names, in_talk=known.state is State.TALKING)

    async def hush(self, operator: OperatorId) -> None:
        """A person comes: what is being said to the operator is cut short."""
        known = self._operators.get(operator)
        if known is not None and known.channel is not None:
            await self.legs.speech.hush(known.channel)

    # --- what operators ask for in a call

    def hang_up_person(self, operator: OperatorId) -> None:
        self.tell_call(self.talk_of(operator), c.HangUpAsked(self._shell.clock(), EndedBy.OPERATOR))

    def hold(self, operator: OperatorId, on: bool) -> None:
        self.tell_call(self.talk_of(operator), c.HoldAsked(self._shell.clock(), on))

    def meanings(self, operator: OperatorId) -> keys.Meanings:
        """What the keys of the operator's phone mean now."""
        return keys.meanings(self.cards.choices(self.get(operator)), self.pauses)

    def talk_of(self, operator: OperatorId) -> CallId:
        return check_talk(self.get(operator))

    def leg_of(self, operator: OperatorId) -> ChannelId:
        known = self.get(operator)
        if known.channel is None or known.leg is not LegState.UP:
            raise Conflict(said("operator {operator} has no phone leg up", operator=operator))
        return known.channel

    def dispose(
        self, operator: OperatorId, disposition: str, *, note: str = "", callback_at: datetime | None = None
    ) -> Promise | None:
        """What came of the call; in the talk or in wrap-up, a later one replaces it. A note stays without."""
        known = self.get(operator)
        meant = check_outcome(known, disposition, self.cards.choices(known))
        kept = self.cards.promise(known, meant, callback_at, self._shell.clock())
        at = kept.at if kept else None
        disposed = changed(known, disposition=disposition, callback_at=at)
        self._operators[operator] = disposed
        self._shell.journal.note_operator(disposed)
        self.cards.remark(disposed, self._shell.clock(), is_said=True, note=note)
        self._shell.observer.moved(operators.stays(disposed, self._shell.clock()), disposed)
        return kept

    def _start_wrap_up(self, operator: Operator, until_at: datetime) -> None:
        ready_after = self.cards.ready_after(operator.id)
        self._shell.timers.start(
            ("wrap-up", operator.id),
            until_at,
            lambda: self.tell(operator.id, shifts.WrapUpRanOut(until_at, ready_after)),
        )

    def _end_wrap_up(self, work: Operator, at: datetime) -> None:
        self._shell.timers.stop(("wrap-up", work.id))
        self.cards.close(work, at)

    # --- after a restart, or when Asterisk is back

    def _ring_late(self, operator: OperatorId) -> None:
        known = self._operators[operator]
        if known.state is State.CONNECTING and known.channel is None:
            self._ring(operator)

    def resume(self, in_flight: Mapping[CallId, OperatorId | None]) -> None:
        """Clocks start again; whoever holds a call that is no more, or not his, is let go."""
        for operator in self.all():
            self._shell.guard.run("resuming an operator", self._resume, operator, in_flight)

    def _resume(self, operator: Operator, in_flight: Mapping[CallId, OperatorId | None]) -> None:
        call = operator.call or CallId("")
        match operator.state:
            case State.WRAP_UP if operator.wrap_until_at is not None:
                self._start_wrap_up(operator, operator.wrap_until_at)
            case State.RESERVED | State.TALKING as state if in_flight.get(call) != operator.id:
                self.show_nobody(operator.id, call)
                self.release(operator.id, call, self._shell.clock(), talked=state is State.TALKING)
            case State.CONNECTING if operator.channel is None:
                self._ring(operator.id)
            case State.READY if self.is_free(operator):
                self.on_free(operator.id)
            case _:
                pass
