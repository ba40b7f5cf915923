"""A lead: whom to call, on which numbers, and where it stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import assert_never

from dialer.domain.campaign import DISTURBING, Campaign, Retry
from dialer.domain.disposition import Disposition, Then
from dialer.domain.errors import BadValue
from dialer.domain.said import said
from dialer.domain.types import CampaignId, LeadId, LeadStatus, Outcome, PhoneNumber
from dialer.domain.verdict import Gate, Verdict


@dataclass(frozen=True, slots=True)
class Lead:
    """One entry of a campaign's list."""

    id: LeadId
    campaign: CampaignId
    numbers: tuple[PhoneNumber, ...]
    number_index: int = 0  # which of them is next
    status: LeadStatus = LeadStatus.NEW
    attempts: int = 0
    tried: Mapping[Outcome, int] = field(default_factory=dict)  # attempts by outcome, for the retry table
    next_at: datetime | None = None  # not before this instant
    last_at: datetime | None = None  # end of the last attempt
    last_outcome: Outcome | None = None
    priority: int = 0
    zones: tuple[str, ...] = ()  # IANA names; all that the number may be in when the card names none
    name: str = ""
    company: str = ""
    inn: str = ""
    email: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)  # the file's other columns
    extensions: Mapping[PhoneNumber, str] = field(default_factory=dict)  # digits, of numbers that have one
    ref: str = ""  # id in the customer's own system
    dead: tuple[PhoneNumber, ...] = ()  # numbers that the network, or an operator, called wrong
    promised_at: datetime | None = None  # a callback that the person asked for; the next attempt keeps it
    import_id: int = 0  # the list that brought it; 0: none did yet

    @property
    def number(self) -> PhoneNumber:
        return self.numbers[self.number_index]

    @property
    def keys(self) -> tuple[str, ...]:
        """What stands once in a campaign: its numbers, each with its extension."""
        if not self.extensions:
            return self.numbers
        return tuple(key_of(number, self.extensions.get(number, "")) for number in self.numbers)


def key_of(number: PhoneNumber, extension: str) -> str:
    """Colleagues on one switchboard are different people: +74951234567;ext=214 (as in RFC 3966)."""
    return f"{number};ext={extension}" if extension else number


def renumbered(before: Lead, after: Lead) -> Lead:
    """After its numbers have changed: the one that was next stays so, where it is still there and lives."""
    dead = tuple(number for number in before.dead if number in after.numbers)
    alive = [at for at, number in enumerate(after.numbers) if number not in dead]
    kept = [at for at in alive if after.numbers[at] == before.number]
    index = (kept or alive or [0])[0]
    extensions = {number: ext for number, ext in after.extensions.items() if number in after.numbers}
    return replace(after, number_index=index, dead=dead, extensions=extensions)


@dataclass(frozen=True, slots=True)
class LeadUpdate:
    """What a closed attempt changes in its lead; applied in the same transaction as the CDR."""

    lead: LeadId
    status: LeadStatus
    number_index: int
    attempts: int
    tried: Mapping[Outcome, int]
    next_at: datetime | None
    last_at: datetime | None
    last_outcome: Outcome | None
    dead: tuple[PhoneNumber, ...] = ()
    base: int | None = None  # attempts of the lead that this was worked out from; None: an older version's
    promised_at: datetime | None = None


def fresh(lead: Lead, campaign: CampaignId) -> Lead:
    """The entry of a file as it enters a campaign's list: nothing was tried yet."""
    if not lead.numbers:
        raise BadValue(
            said("the lead {value!r} has no number to call", value=lead.name or lead.ref or lead.company)
        )
    return replace(
        lead,
        campaign=campaign,
        number_index=0,
        status=LeadStatus.NEW,
        attempts=0,
        tried={},
        next_at=None,
        last_at=None,
        last_outcome=None,
        dead=(),
        promised_at=None,
        import_id=0,
    )


REFUSED_REST = timedelta(minutes=1)  # of a lead that the carrier would not take: no hot loop
LONG_AGO_AT = datetime(2000, 1, 1, tzinfo=UTC)


def settled(update: LeadUpdate) -> LeadUpdate:
    """As stores keep it: RETRY waits for an instant, and a NEW one can be leased at once."""
    if update.status is LeadStatus.NEW and update.next_at is not None:
        return replace(update, status=LeadStatus.RETRY)
    if update.status is LeadStatus.RETRY and update.next_at is None:
        return replace(update, next_at=update.last_at or LONG_AGO_AT)
    return update


# --- after an attempt -------------------------------------------------------------------------------------


def next_try(lead: Lead, campaign: Campaign, outcome: Outcome, at: datetime) -> LeadUpdate:
    """What an attempt that ended at `at` makes of its lead: tried again when, on which number, or never.

    With `next_number` the lead's other numbers are tried at once, and the delay comes when all of them were.
    """
    if outcome is Outcome.NOT_DIALLED:
        return unchanged(lead)
    if outcome is Outcome.TRUNK_REFUSED:
        return replace(unchanged(lead), status=LeadStatus.RETRY, next_at=at + REFUSED_REST)
    made = replace(
        unchanged(lead),
        attempts=lead.attempts + 1,
        tried={**lead.tried, outcome: lead.tried.get(outcome, 0) + 1},
        last_at=at,
        last_outcome=outcome,
        promised_at=None,
    )
    if outcome is Outcome.CONNECTED:
        return replace(made, status=LeadStatus.DONE, next_at=None)
    return _again(lead, made, campaign, outcome, at)


def refused_alone(lead: Lead, update: LeadUpdate) -> LeadUpdate:
    """The carrier refused this one while it took others: it is remembered, see `endings.MOST_REFUSALS`."""
    refused = Outcome.TRUNK_REFUSED
    return replace(update, tried={**update.tried, refused: lead.tried.get(refused, 0) + 1})


def unchanged(lead: Lead) -> LeadUpdate:
    """The lease ends and nothing else."""
    return LeadUpdate(
        lead=lead.id,
        status=LeadStatus.RETRY if lead.attempts else LeadStatus.NEW,
        number_index=lead.number_index,
        attempts=lead.attempts,
        tried=lead.tried,
        next_at=lead.next_at,
        last_at=lead.last_at,
        last_outcome=lead.last_outcome,
        dead=lead.dead,
        base=lead.attempts,
        promised_at=lead.promised_at,
    )


def excluded(lead: Lead) -> LeadUpdate:
    """Taken out of the list, by a rule or by hand."""
    return replace(unchanged(lead), status=LeadStatus.EXCLUDED, next_at=None, promised_at=None)


def _again(lead: Lead, made: LeadUpdate, campaign: Campaign, outcome: Outcome, at: datetime) -> LeadUpdate:
    """The next number at once, else the next delay of the retry table, else never."""
    retry = _retry(campaign, outcome)
    if retry is None or made.attempts >= campaign.max_attempts:
        return _exhausted(made)
    if not retry.next_number:
        delay = _delay(campaign, outcome, made, 1)
        return _exhausted(made) if delay is None else _at(made, at + max(delay, _rest(campaign, outcome)))
    if not retry.delays:
        made = replace(made, dead=_with(lead.dead, lead.number))
    alive = [i for i, number in enumerate(lead.numbers) if number not in made.dead]
    if later := [i for i in alive if i > lead.number_index]:
        return replace(_at(made, at), number_index=later[0])
    last = outcome if retry.delays else lead.last_outcome  # a dead number sets no pace, the one before does
    delay = _delay(campaign, last, made, len(alive)) if alive and last else None
    if delay is None or last is None:
        return _exhausted(made)
    return replace(_at(made, at + max(delay, _rest(campaign, last))), number_index=alive[0])


def _retry(campaign: Campaign, outcome: Outcome) -> Retry | None:
    """A campaign that was made before MOVED was told apart treats it as the rejection that it then was."""
    known_as = Outcome.REJECTED if outcome is Outcome.MOVED and outcome not in campaign.retries else outcome
    return campaign.retries.get(known_as)


def _delay(campaign: Campaign, outcome: Outcome, made: LeadUpdate, round_: int) -> timedelta | None:
    """The next unused delay for this outcome, one for each round through `round_` numbers."""
    retry = _retry(campaign, outcome)
    used = (made.tried.get(outcome, 1) - 1) // round_
    return retry.delays[used] if retry and used < len(retry.delays) else None


def _rest(campaign: Campaign, outcome: Outcome) -> timedelta:
    rest = campaign.rest if outcome in DISTURBING else timedelta()
    return max(rest, campaign.abandoned_rest) if outcome is Outcome.ABANDONED else rest


def _at(made: LeadUpdate, next_at: datetime) -> LeadUpdate:
    return replace(made, status=LeadStatus.RETRY, next_at=next_at)


def _exhausted(made: LeadUpdate) -> LeadUpdate:
    return replace(made, status=LeadStatus.EXHAUSTED, next_at=None)


def _with(dead: tuple[PhoneNumber, ...], number: PhoneNumber) -> tuple[PhoneNumber, ...]:
    return dead if number in dead else (*dead, number)


def moved_on(lead: Lead, update: LeadUpdate) -> Lead:
    """The lead as it is when the update has been applied."""
    return replace(
        lead,
        status=update.status,
        number_index=update.number_index,
        attempts=update.attempts,
        tried=update.tried,
        next_at=update.next_at,
        last_at=update.last_at,
        last_outcome=update.last_outcome,
        dead=update.dead,
        promised_at=update.promised_at,
    )


FINAL = (LeadStatus.DONE, LeadStatus.EXHAUSTED, LeadStatus.EXCLUDED)


def landed(row: Lead, update: LeadUpdate, *, ends_lease: bool | None) -> Lead:
    """The lead as a store keeps it after an update that may come late, or after one that it did not know of.

    Attempts add up; the later instant counts; what is finished stays so.  A lease that the update does not
    end stays as well, its call may be on the line.  None: whose lease it is, is not known.
    """
    is_late = update.base is not None and row.attempts > update.base
    change = settled(_added(row, update) if is_late else update)
    after = moved_on(row, change)
    if row.status is LeadStatus.EXCLUDED:
        return replace(after, status=LeadStatus.EXCLUDED, next_at=None, promised_at=None)
    stays = ends_lease is False or (ends_lease is None and is_late)
    if row.status is LeadStatus.LEASED and stays and after.status not in FINAL:
        return replace(after, status=LeadStatus.LEASED)
    return after


def _added(row: Lead, update: LeadUpdate) -> LeadUpdate:
    """An update worked out from a lead as it was before other attempts were recorded."""
    more = update.attempts - (update.base or 0)
    tried = dict(row.tried)
    if more and update.last_outcome is not None:
        tried[update.last_outcome] = tried.get(update.last_outcome, 0) + more
    is_last = row.last_at is None or (update.last_at is not None and update.last_at >= row.last_at)
    status = update.status if update.status in FINAL else row.status
    promised_at = update.promised_at or row.promised_at
    if status not in FINAL or (status is LeadStatus.EXHAUSTED and promised_at):
        status = LeadStatus.RETRY
    elif status in FINAL:
        promised_at = None
    waits = [at for at in (row.next_at, update.next_at) if at is not None]
    return replace(
        update,
        status=status,
        number_index=row.number_index,
        attempts=row.attempts + more,
        tried=tried,
        next_at=None if status in FINAL else promised_at or max(waits, default=None),
        promised_at=promised_at,
        last_at=update.last_at if is_last else row.last_at,
        last_outcome=update.last_outcome if is_last else row.last_outcome,
        dead=row.dead + tuple(number for number in update.dead if number not in row.dead),
    )


# --- after a refusal by a gate ----------------------------------------------------------------------------

ASK_AGAIN = timedelta(hours=1)  # hours that never open: until somebody widens them


def after_refusal(lead: Lead, verdict: Verdict, at: datetime) -> LeadUpdate | None:
    """What a closed gate makes of the lead; None: it only goes back, not before `verdict.opens_at`."""
    match verdict.gate:
        case Gate.NUMBER | Gate.DNC:
            others = [i for i in range(len(lead.numbers)) if i > lead.number_index]
            others = [i for i in others if lead.numbers[i] not in lead.dead]
            if others:
                return replace(unchanged(lead), number_index=others[0])
            return excluded(lead)
        case Gate.ATTEMPTS:
            return _exhausted(unchanged(lead))
        case Gate.LIST:
            return unchanged(lead)
        case Gate.HOURS if verdict.opens_at is None:
            return replace(unchanged(lead), next_at=at + ASK_AGAIN)
        case _:
            return None


# --- after the operator's word ----------------------------------------------------------------------------


CALLBACK_DELAY = timedelta(hours=2)  # when no time was agreed


def after_disposition(
    lead: Lead, said: Disposition, at: datetime, campaign: Campaign, *, callback_at: datetime | None = None
) -> LeadUpdate | None:
    """Where the operator's word moves a lead whose attempt is closed already; None: nowhere."""
    now = replace(unchanged(lead), promised_at=None)
    match said.then:
        case Then.NOTHING:
            return None
        case Then.CLOSE:
            return replace(now, status=LeadStatus.DONE, next_at=None)
        case Then.DNC_NUMBER | Then.DNC_PERSON:
            return excluded(lead)
        case Then.CALLBACK:
            asked_at = callback_at or at + CALLBACK_DELAY
            return replace(_at(now, asked_at), promised_at=asked_at)  # above the rest and the most attempts
        case Then.WRONG_NUMBER:
            return _after_wrong_number(lead, replace(now, dead=_with(lead.dead, lead.number)), campaign, at)
        case Then.RETRY if said.after is not None:
            is_worn = lead.attempts >= campaign.max_attempts
            return _exhausted(now) if is_worn else _at(now, at + max(said.after, campaign.rest))
        case Then.RETRY:
            return _again(lead, now, campaign, Outcome.NO_ANSWER, at)
        case _:
            assert_never(said.then)


def never_again(lead: Lead, *, whole: bool) -> tuple[PhoneNumber, ...]:
    """What is barred when the person wants no more calls: the number, and the person's others if `whole`.

    A number with an extension is a switchboard's, where others work: it does not follow.
    """
    others = [number for number in lead.numbers if number not in lead.extensions] if whole else []
    return tuple(dict.fromkeys((lead.number, *others)))


def _after_wrong_number(lead: Lead, now: LeadUpdate, campaign: Campaign, at: datetime) -> LeadUpdate:
    alive = [i for i, number in enumerate(lead.numbers) if number not in now.dead]
    if not alive or lead.attempts >= campaign.max_attempts:
        return _exhausted(now)
    later = [i for i in alive if i > lead.number_index]
    if later:
        return replace(_at(now, at), number_index=later[0])
    return replace(_at(now, at + campaign.rest), number_index=alive[0])
