"""What a journal holds: the last state of what is in flight, and the facts that nobody has taken yet."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from typing import TypeVar

from dialer.adapters.codec import decode
from dialer.adapters.journal.lines import FACTS, RULES, Entry, Fact, Kind, entry, line
from dialer.domain.call import Call
from dialer.domain.cdr import Remark
from dialer.domain.errors import BadValue
from dialer.domain.operators import Operator, StateChange
from dialer.domain.spending import SideCall
from dialer.domain.types import LeadId
from dialer.ports.journal import KEPT_ANSWERS, Recovered, worked_on

T = TypeVar("T")


class Held:
    """A fold of entries: the same whether they come from the engine or from the disk."""

    def __init__(self) -> None:
        self.calls: dict[str, Entry] = {}  # whole, whatever line told of them last
        self.operators: dict[str, Entry] = {}
        self.boot: Entry | None = None
        self.commands: dict[str, Entry] = {}  # by key, the oldest first
        self.facts: deque[tuple[int, Fact, Entry]] = deque()
        self.leads: Counter[LeadId] = Counter()  # of the facts
        self.last_n = 0
        self.last_at = ""

    def take(self, told: Entry, fact: Fact | None = None) -> None:
        """Fold one entry; BadValue when its body is not what its kind promises."""
        match told.kind:
            case Kind.DIALING | Kind.CALL:
                known = self.calls.get(told.body["id"])
                if known is not None and RULES in known.body:
                    told.body.setdefault(RULES, known.body[RULES])
                self.calls[told.body["id"]] = told
            case Kind.STEP:
                known = self.calls[told.body["id"]]
                whole = {**known.body, **told.body}
                self.calls[told.body["id"]] = Entry(Kind.CALL, told.at, told.n, whole, told.line)
            case Kind.OPERATOR:
                self.operators[told.body["id"]] = told
            case Kind.MOVE:
                whole = {**self.operators[told.body["id"]].body, **told.body}
                self.operators[told.body["id"]] = Entry(Kind.OPERATOR, told.at, told.n, whole, told.line)
            case Kind.BOOT:
                self.boot = told
            case Kind.BEGUN | Kind.ANSWERED:
                self._take_command(told)
            case Kind.HEAD:
                self.last_n = max(self.last_n, told.n)
            case Kind.TAKEN:
                while self.facts and self.facts[0][0] <= told.n:
                    self._drop_lead(self.facts.popleft()[1])
            case _:
                known_fact = fact or decode(FACTS[told.kind], told.body)
                self.facts.append((told.n, known_fact, told))
                if (lead := lead_of(known_fact)) is not None:
                    self.leads[lead] += 1
                self.last_n = max(self.last_n, told.n)
                if told.kind is Kind.CLOSING:
                    self.calls.pop(told.body["call"], None)
        self.last_at = told.at

    def _drop_lead(self, fact: Fact) -> None:
        lead = lead_of(fact)
        if lead is not None:
            self.leads[lead] -= 1
            if not self.leads[lead]:
                del self.leads[lead]

    def _take_command(self, told: Entry) -> None:
        known = self.commands.pop(told.body["key"], None)
        if told.kind is Kind.BEGUN or told.body["answer"] is not None:
            self.commands[told.body["key"]] = told
        if known is None and len(self.commands) > KEPT_ANSWERS:
            del self.commands[next(iter(self.commands))]

    def oldest(self, limit: int) -> Sequence[tuple[int, Fact, Entry]]:
        return list(islice(self.facts, limit))

    def lines(self, at: datetime) -> Iterable[bytes]:
        """The shortest journal that recovers to the same."""
        yield entry(Kind.HEAD, at, None, self.last_n).line
        if self.boot is not None:
            yield self.boot.line
        for _, _, told in self.facts:  # before the calls: closings end calls of their ids
            yield told.line
        for told in self.commands.values():
            yield told.line
        for told in (
            *self.operators.values(),
            *self.calls.values(),
        ):  # their last line may tell a change only
            yield line(told.kind, told.at, told.n, told.body)

    def recovered(self) -> tuple[Recovered, Sequence[str]]:
        """What the last run left, and a sentence for each state that cannot be read."""
        damages: list[str] = []
        calls = _decoded(Call, self.calls.values(), damages)
        operators = _decoded(Operator, self.operators.values(), damages)
        boot = datetime.fromisoformat(self.boot.body) if self.boot else None
        last_at = datetime.fromisoformat(self.last_at) if self.last_at else None
        answers = {key: told.body.get("answer") for key, told in self.commands.items()}
        closings = worked_on((fact for _, fact, _ in self.facts), operators)
        facts = len(self.facts)
        return Recovered(calls, operators, facts, boot, last_at, answers, closings=closings), damages


def lead_of(fact: Fact) -> LeadId | None:
    """Whose place in the list a fact changes."""
    update = None if isinstance(fact, (Remark, StateChange, SideCall)) else fact.lead
    return None if update is None else update.lead


def _decoded(kind: type[T], told: Iterable[Entry], damages: list[str]) -> tuple[T, ...]:
    states = []
    for each in told:
        try:
            states.append(decode(kind, each.body))
        except BadValue as bad:
            damages.append(f"a {each.kind} of {each.at} cannot be read: {bad}")
    return tuple(states)
