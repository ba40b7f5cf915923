"""What the web, the phones' keys and the command line may ask of a cell: one function per verb."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime

from dialer.domain import call as c
from dialer.domain import disposition, shifts
from dialer.domain.disposition import Then, known
from dialer.domain.errors import BadValue, Conflict, Missing, StoreDown
from dialer.domain.law import LAWFUL_RING_S, choose, may_give_up
from dialer.domain.operators import Operator
from dialer.domain.refusal import check_work
from dialer.domain.said import plain, said
from dialer.domain.types import CallId, CampaignId, ChannelId, EndedBy, LeadId, OperatorId, PhoneNumber
from dialer.engine.account import Accountant
from dialer.engine.answers import Answer, Answers
from dialer.engine.books import Books
from dialer.engine.calls import Calls
from dialer.engine.floor import Floor
from dialer.engine.shell import Shell
from dialer.engine.trial import Trials
from dialer.ports.between import Command
from dialer.ports.numbers import Numbers

STOPPED = "everything was stopped"


class CellDesk:
    """Does each command once: the same key gets the same answer."""

    def __init__(
        self,
        shell: Shell,
        floor: Floor,
        calls: Calls,
        books: Books,
        trials: Trials,
        *,
        accountant: Accountant,
        numbers: Numbers,
    ) -> None:
        self._shell = shell
        self._floor = floor
        self._calls = calls
        self._books = books
        self._trials = trials
        self._accountant = accountant
        self._numbers = numbers
        self.answers = Answers(shell.journal)
        # by verb, of facts that the database refuses: what becomes of their leads -> how many facts
        self.refused: Mapping[str, Callable[[str], Awaitable[int]]] = {}
        self._kinds: Mapping[str, Callable[[str, Command], Awaitable[Answer]]] = {
            "operator": self._operator,
            "call": self._call,
            "campaign": self._campaign,
            "lead": self._lead,
            "trunk": self._trunk,
            "cell": self._cell,
        }

    async def do(self, command: Command) -> Answer:
        """Raises Missing, BadValue, Conflict, or NetworkTrouble when Asterisk cannot do it now."""
        return await self.answers.once(command.key, lambda: self._do(command))

    async def _do(self, command: Command) -> Answer:
        kind, _, name = command.target.partition(":")
        if kind not in self._kinds or not name:
            raise BadValue(
                said(
                    "{target!r} is no target: use operator:ID, call:ID, campaign:ID, lead:ID or trunk:NAME",
                    target=command.target,
                )
            )
        return await self._kinds[kind](name, command)

    # --- operators

    async def _operator(self, name: str, command: Command) -> Answer:
        operator = OperatorId(name)
        if operator not in self._floor.accounts:
            await self._books.load()  # it may have been made a moment ago
        self._floor.get(operator)
        if command.verb in ("mute", "unmute", "keys", "extension"):
            return await self._on_leg(operator, command)
        if command.verb == "test":
            return await self._trials.phone(self._floor.account(operator), command.args.get("by", ""))
        if command.verb == "push":
            await self._books.push_again(name)
            return {"pushed": name}
        if command.verb == "outcomes":
            return self._outcomes(self._floor.get(operator))
        if command.verb == "dispose":
            return await self._dispose(operator, command.args)
        if command.verb == "note":
            return self._note(operator, command.args)
        self._move(operator, command)
        return _shown(self._floor.get(operator))

    def _move(self, operator: OperatorId, command: Command) -> None:
        now = self._shell.clock()
        match command.verb:
            case "login":
                if command.args.get("only_check"):
                    self._floor.check_login(operator, command.args.get("desk", ""))
                else:
                    self._floor.ask(operator, shifts.LoginAsked(now, command.args.get("desk", "")))
            case "logout":
                self._floor.ask(operator, shifts.LogoutAsked(now))
            case "ready":
                self._floor.ask(operator, shifts.ReadyAsked(now))
            case "pause":
                self._floor.ask(operator, shifts.PauseAsked(now, _reason(command)))
            case "hang_up":
                self._floor.hang_up_person(operator)
            case "hold" | "unhold":
                self._floor.hold(operator, command.verb == "hold")
            case "state":
                pass
            case _:
                raise BadValue(said("an operator cannot be told to {verb!r}", verb=command.verb))

    async def _dispose(self, operator: OperatorId, args: Mapping[str, str]) -> Answer:
        """With the instant at which the person is called again."""
        code, callback = args.get("disposition", ""), args.get("callback_at", "")
        callback_at = _instant(callback) if callback else None
        call = CallId(args.get("call") or self._floor.get(operator).call or "")
        meant = known(self._floor.cards.choices(self._floor.get(operator)), code)
        if meant and meant.then is Then.CALLBACK and (why := await self._barred(operator)):
            raise Conflict(said("the number is on the do-not-call list: {why}", why=why))
        self._check_call(operator, call)  # it may have gone to the next one while that was asked
        kept = self._floor.dispose(operator, code, note=args.get("note", ""), callback_at=callback_at)
        told = {"callback_at": kept.at.isoformat(), "moved": plain(kept.moved)} if kept else {}
        return {**_shown(self._floor.get(operator)), **told}

    def _outcomes(self, work: Operator) -> Answer:
        """What may be said of the present call: the list that its campaign had when the talk began."""
        offered = self._floor.cards.choices(work) if work.call else ()
        return {"call": work.call or "", "dispositions": [disposition.plain(one) for one in offered]}

    def _note(self, operator: OperatorId, args: Mapping[str, str]) -> Answer:
        if not (note := args.get("note", "")):
            raise BadValue(said("the note is empty: write some text"))
        self._check_call(operator, CallId(args.get("call", "")))
        work = self._floor.get(operator)
        check_work(work)
        self._floor.cards.remark(work, self._shell.clock(), is_said=False, note=note)
        return _shown(work)

    def _check_call(self, operator: OperatorId, call: CallId) -> None:
        """Conflict where the operator has another call by now."""
        if call and call != self._floor.get(operator).call:
            raise Conflict(
                said("the call {call} is over for operator {operator}", call=call, operator=operator)
            )

    async def _barred(self, operator: OperatorId) -> str:
        """Why the person may not be called again; while the database is away the gates ask it later."""
        card = self._floor.cards.about(operator)
        if card is None or card.lead is None:
            return ""
        try:
            history = await self._numbers.history([card.lead.number], card.campaign.id)
        except StoreDown:
            return ""
        return history[card.lead.number].dnc

    async def _on_leg(self, operator: OperatorId, command: Command) -> Answer:
        """Things done to the operator's own phone leg, or sent to the person."""
        if command.verb in ("keys", "extension"):
            call = self._floor.talk_of(operator)
            keys = command.args.get("keys", "") if command.verb == "keys" else self._extension(call)
            await self._shell.switch.send_keys(ChannelId(call), _digits(keys))
        else:
            await self._shell.switch.mute(self._floor.leg_of(operator), command.verb == "mute")
        return _shown(self._floor.get(operator))

    def _extension(self, call: CallId) -> str:
        """Behind the number that was dialled, as the list has it."""
        lead, _ = self._calls.about(call)
        its = self._calls.get(call)
        keys = lead.extensions.get(PhoneNumber(its.number), "") if its and lead else ""
        if not keys:
            raise Conflict(said("the list has no extension for the number of this call"))
        return keys

    # --- the rest

    async def _call(self, name: str, command: Command) -> Answer:
        if self._calls.get(CallId(name)) is None:
            raise Missing(said("there is no call {name} in flight", name=name))
        if command.verb != "hang_up":
            raise BadValue(said("a call cannot be told to {verb!r}: only hang_up", verb=command.verb))
        asked = c.HangUpAsked(self._shell.clock(), EndedBy.SUPERVISOR, command.args.get("reason", ""))
        self._calls.tell(CallId(name), asked)
        return {"call": name}

    async def _campaign(self, name: str, command: Command) -> Answer:
        """The status is in the database already; this makes it work at once."""
        if not name.isascii() or not name.isdigit():
            raise BadValue(said("{name!r} is no campaign: give its id", name=name))
        await self._books.load()
        if command.verb == "explain":
            return await self._accountant.explain(CampaignId(int(name)))
        return {"campaign": name}

    async def _lead(self, name: str, command: Command) -> Answer:
        if command.verb != "why" or not name.isascii() or not name.isdigit():
            raise BadValue(said("a lead can only be asked why it is not called: use its id"))
        await self._books.load()
        return await self._accountant.why(LeadId(int(name)))

    async def _trunk(self, name: str, command: Command) -> Answer:
        await self._books.load()
        match command.verb:
            case "push":
                await self._books.push_again(name)
                return {"pushed": name}
            case "abilities":
                able = await self._shell.switch.abilities()
                known = {"codecs": sorted(able.codecs), "transports": sorted(able.transports)}
                return known | {"srtp": able.srtp}
            case "test":
                return await self._trials.trunk(
                    name, command.args.get("number", ""), command.args.get("by", "")
                )
            case _:
                raise BadValue(
                    said("a trunk cannot be told to {verb!r}: use push or test", verb=command.verb)
                )

    async def _cell(self, name: str, command: Command) -> Answer:
        match command.verb:
            case "decisions":
                return self._accountant.decisions()
            case "faults":
                return {"faults": {name: plain(why) for name, why in self._books.faults.items()}}
            case "stop":
                return await self._stop(talks_end=command.args.get("talks") == "end")
            case verb if verb in self.refused:
                return {"facts": await self.refused[verb](command.args.get("leads", ""))}
            case _:
                verbs = ", ".join(sorted(("decisions", "faults", "stop", *self.refused)))
                raise BadValue(
                    said("a cell cannot be told to {verb!r}: use {verbs}", verb=command.verb, verbs=verbs)
                )

    async def _stop(self, *, talks_end: bool) -> Answer:
        """Campaigns are paused in the database already. A phone rings as long as a law wants it to."""
        await self._books.load()
        now, became = self._shell.clock(), Counter[str]()
        for call in self._calls.all():
            _, campaign = self._calls.about(call.id)
            if call.answer_at is not None:
                became["ended" if talks_end else "go_on"] += 1
                if talks_end:
                    self._calls.tell(call.id, c.HangUpAsked(now, EndedBy.SUPERVISOR, STOPPED))
            elif call.ring_at is None:
                became["given_up"] += 1
                self._calls.tell(call.id, c.HangUpAsked(now, EndedBy.SUPERVISOR, STOPPED))
            elif may_give_up(choose(campaign.country, campaign.purpose)):
                became["given_up"] += 1
                rung_s = (now - call.ring_at).total_seconds()
                self._shell.errands.start(self._give_up(call.id, LAWFUL_RING_S - rung_s), f"stop-{call.id}")
            else:
                became["go_on"] += 1
        return {what: became[what] for what in ("given_up", "ended", "go_on")}

    async def _give_up(self, call: CallId, in_s: float) -> None:
        await asyncio.sleep(max(0.0, in_s))
        if self._calls.get(call) is not None:
            self._calls.tell(call, c.GivenUp(self._shell.clock()))


def _shown(operator: Operator) -> Answer:
    return {
        "operator": operator.id,
        "state": operator.state.value,
        "reason": operator.reason,
        "leg": operator.leg.value,
        "desk": operator.desk,
        "then": operator.then.value if operator.then else "",
        "then_reason": operator.then_reason,
    }


def _reason(command: Command) -> str:
    reason = command.args.get("reason", "other")
    if not reason or len(reason) > 64 or not reason.isprintable():
        raise BadValue(said("a pause needs a reason of 1 to 64 printable characters"))
    return reason


def _digits(keys: str) -> str:
    if not keys or len(keys) > 32 or not set(keys) <= set("0123456789*#ABCD"):
        raise BadValue(said("{keys!r} cannot be sent: 1 to 32 of 0-9 * # A-D", keys=keys))
    return keys


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise BadValue(
            said("callback_at {text!r} is no instant: write 2026-11-23T15:30:00+03:00", text=text)
        ) from None
    if at.tzinfo is None:
        raise BadValue(said("callback_at {text!r} has no zone: write 2026-11-23T15:30:00+03:00", text=text))
    return at
