"""Why one lead is not called: every gate in order, the instant when it opens and the act that opens it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from dialer.domain.dialable import CheckNumber
from dialer.domain.errors import Mistake
from dialer.domain.explain import DUE, Facts, explain
from dialer.domain.gates import History, Try, every_verdict
from dialer.domain.lead import Lead
from dialer.domain.numbers import carries, check_dialable, may_carry
from dialer.domain.said import Said, counted, full, listed, said, word
from dialer.domain.trunk import Trunk
from dialer.domain.types import LeadStatus, TrunkId
from dialer.domain.verdict import Gate, Verdict

NO_TRUNK = Trunk(TrunkId("none"), "none")  # the campaign has none that exists: the engine's gate says so
OF_LEAD = (Gate.NUMBER, Gate.DNC, Gate.ATTEMPTS, Gate.HOURS, Gate.REST)
TOLD_ABOVE = frozenset({"status", "law", "schedule", "lists", "leads"})  # gates of the campaign as a whole


@dataclass(frozen=True, slots=True)
class Case:
    """All that the answer looks at, as it is now."""

    facts: Facts  # of the lead's campaign
    lead: Lead
    history: History  # of its present number
    check_number: CheckNumber
    is_at_hand: bool = False  # leased ahead of need, here
    in_call: bool = False


@dataclass(frozen=True, slots=True)
class Reason:
    """One condition of the call; `act`: what a person can do about one that is closed."""

    name: str
    open: bool
    sentence: str
    opens_at: datetime | None = None  # None: not by waiting, or it is open
    act: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """Every condition in the order in which the engine asks, and the first that is closed."""

    reasons: Sequence[Reason]
    summary: str


def why(case: Case) -> Answer:
    """The engine's own gates are asked, also those behind a closed one."""
    closed = _verdicts(case)
    reasons = [
        *(_of_gate(gate, closed, case) for gate in (Gate.STATUS, Gate.LIST, Gate.LAW)),
        _standing(case),
        *(_of_gate(gate, closed, case) for gate in OF_LEAD),
        *_of_engine(case),
    ]
    first = next((one for one in reasons if not one.open), None)
    if first is None:
        reasons.append(turn := _turn(case))
        return Answer(reasons, turn.sentence)
    act = [said("What helps: {act}.", act=first.act)] if first.act else []
    return Answer(reasons, listed([first.sentence, *act], " "))


def _verdicts(case: Case) -> Mapping[Gate, Verdict]:
    facts, campaign = case.facts, case.facts.campaign
    known = {trunk.id: (trunk, view) for trunk, view in facts.trunks}
    found = [known[id_] for id_ in campaign.trunks if id_ in known]
    works = [trunk for trunk, view in found if view.usable and view.lines_free > 0]
    number = case.lead.number
    ways = [*works, *(trunk for trunk, _ in found)]
    carrying = [one for one in ways if may_carry(carries(one), number)]
    nothing = replace(NO_TRUNK, prefixes=(number,))  # that there is none is said by another gate
    trunk = next(iter([*carrying, *ways]), nothing)
    return every_verdict(
        Try(
            campaign,
            case.lead,
            number,
            trunk,
            case.history,
            facts.at,
            facts.zone_of,
            case.check_number,
            facts.holiday_of,
        )
    )


def _of_gate(gate: Gate, closed: Mapping[Gate, Verdict], case: Case) -> Reason:
    if verdict := closed.get(gate):
        return Reason(gate, False, full(verdict.reason), verdict.opens_at, _act(gate, case))
    return Reason(gate, True, _passed(gate, case))


def _passed(gate: Gate, case: Case) -> Said:
    match gate:
        case Gate.STATUS:
            return said("The campaign is {status}.", status=word(case.facts.campaign.status))
        case Gate.LIST:
            return said("Its list is not paused.")
        case Gate.LAW:
            return said("No rule of law forbids the call.")
        case Gate.NUMBER:
            return said("{number} may be dialled.", number=case.lead.number)
        case Gate.DNC:
            return said("The number is not on the do-not-call list.")
        case Gate.ATTEMPTS:
            made, most = case.lead.attempts, case.facts.campaign.max_attempts
            return said("Attempts made: {made} of {most}.", made=made, most=most)
        case Gate.HOURS:
            return said("It is a calling hour in {zones}.", zones=_zones(case.lead))
        case _:
            return said("The number has rested long enough.")


def _zones(lead: Lead) -> Said:
    if len(lead.zones) == 1:
        return listed(lead.zones)
    return counted("{n} zone", "{n} zones", len(lead.zones))


def _act(gate: Gate, case: Case) -> str:
    """What a person can do, as a command where there is one."""
    name, lead, campaign = case.facts.campaign.name, case.lead, case.facts.campaign
    match gate:
        case Gate.STATUS if campaign.archived:
            return said("`dialer campaign unarchive {name!r}`", name=name)
        case Gate.STATUS:
            return said("`dialer campaign start {name!r}`", name=name)
        case Gate.LIST:
            return said("`dialer import --resume {list}`", list=lead.import_id)
        case Gate.LAW:
            return said("another mode: `dialer campaign set {name!r} --mode`", name=name)
        case Gate.NUMBER if (trunk := _closed_to(case)) is not None:
            return said(
                "another number: `dialer lead set {lead} --phone NUMBER`, or a trunk for it:"
                " `dialer trunk set {trunk} --prefixes`, `--number-format`",
                lead=lead.id,
                trunk=trunk.id,
            )
        case Gate.NUMBER:
            return said("another number: `dialer lead set {lead} --phone NUMBER`", lead=lead.id)
        case Gate.DNC:
            return said("`dialer dnc check {number}` says who barred it", number=lead.number)
        case Gate.ATTEMPTS:
            return said(
                "`dialer lead work reset {name!r} --lead {lead}`, or more attempts for the campaign",
                name=name,
                lead=lead.id,
            )
        case Gate.HOURS if not lead.zones:
            return said("`dialer lead set {lead} --zone Europe/Moscow`", lead=lead.id)
        case Gate.HOURS:
            return said("waiting, or wider hours: `dialer campaign set {name!r} --schedule`", name=name)
        case _:
            return said("waiting")


def _closed_to(case: Case) -> Trunk | None:
    """The campaign's first trunk, where none of them can dial the number and some other could."""
    own = [trunk for trunk, _ in case.facts.trunks if trunk.id in case.facts.campaign.trunks]
    number = case.lead.number
    if any(may_carry(carries(trunk), number) for trunk in own):
        return None
    try:
        check_dialable(number)
    except Mistake:
        return None
    return next(iter(own), None)


# --- where the lead stands --------------------------------------------------------------------------------


def _standing(case: Case) -> Reason:
    match case.lead.status:
        case LeadStatus.NEW:
            return _stands(True, said("It was never called."))
        case LeadStatus.RETRY:
            return _waits(case)
        case LeadStatus.LEASED:
            return _leased(case)
        case LeadStatus.EXCLUDED:
            return _over(case, said("It is excluded: by hand, by a rule, or by its number."), "include")
        case LeadStatus.DONE:
            return _over(case, said("An operator has talked with the person: it is done."), "requeue")
        case LeadStatus.EXHAUSTED:
            outcome = word(case.lead.last_outcome) if case.lead.last_outcome else said("none")
            sentence = said(
                "It is exhausted: no try is left after the last outcome ({outcome}).", outcome=outcome
            )
            return _over(case, sentence, "reset")


def _stands(is_open: bool, sentence: str, opens_at: datetime | None = None, act: str = "") -> Reason:
    return Reason("lead", is_open, sentence, opens_at, act)


def _over(case: Case, sentence: str, act: str) -> Reason:
    command = said(
        "`dialer lead work {act} {name!r} --lead {lead}`",
        act=act,
        name=case.facts.campaign.name,
        lead=case.lead.id,
    )
    return _stands(False, sentence, None, command)


def _waits(case: Case) -> Reason:
    lead, at = case.lead, case.lead.next_at
    if at is None or at <= case.facts.at:
        return _stands(True, said("Its next try is due."))
    told = f"{at:%Y-%m-%d %H:%M} UTC"
    if lead.promised_at is not None:
        return _stands(
            False, said("A callback was promised to the person for {at}.", at=told), at, said("waiting")
        )
    act = said("waiting, or `dialer lead set {lead} --next now`", lead=lead.id)
    return _stands(False, said("Its next try is at {at}.", at=told), at, act)


def _leased(case: Case) -> Reason:
    if case.in_call:
        return _stands(False, said("It is in a call right now."), None, said("waiting"))
    if case.is_at_hand:
        return _stands(True, said("It is at hand."))
    return _stands(
        False, said("Another cell has it, or its last call is just being recorded."), None, said("waiting")
    )


# --- what holds up all leads of the campaign --------------------------------------------------------------


def _of_engine(case: Case) -> Iterator[Reason]:
    for gate in explain(case.facts).gates:
        if gate.name not in TOLD_ABOVE and (gate.name != "settings" or not gate.open):
            yield Reason(gate.name, gate.open, gate.sentence, gate.opens_at)


def _turn(case: Case) -> Reason:
    if case.is_at_hand:
        n = case.facts.at_hand
        sentence = said("Nothing holds it back: it is among the next {n} to be dialled.", n=n)
    else:
        sentence = counted(
            "Nothing holds it back: it waits for its turn, {n} lead is due.",
            "Nothing holds it back: it waits for its turn, {n} leads are due.",
            sum(case.facts.leads.get(name, 0) for name in DUE),
        )
    return Reason("turn", True, sentence)
