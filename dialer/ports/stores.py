"""Every store of the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, Protocol

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Cdr, Closing, Remark, Tally, WrapUp
from dialer.domain.cells import Held, Holder, Taken
from dialer.domain.choice import Choice
from dialer.domain.depth import Depth
from dialer.domain.guesses import Guesses
from dialer.domain.kpi import Key, Slot
from dialer.domain.lead import Lead
from dialer.domain.listwork import Change
from dialer.domain.operators import Account, State, StateChange
from dialer.domain.pauses import PauseReasons
from dialer.domain.spending import SideCall, SideKind, Spent
from dialer.domain.today import Part
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CallId,
    CampaignId,
    CampaignStatus,
    CellId,
    LeadId,
    LeadStatus,
    OperatorId,
    PhoneNumber,
    TrunkId,
)
from dialer.ports.intake import Intake
from dialer.ports.numbers import Numbers
from dialer.ports.requests import Requests


class Leases(Protocol):
    """Leads on their way to a call: who has which, and until when."""

    async def lease(
        self, campaign: CampaignId, n: int, *, cell: CellId, now: datetime, until_at: datetime
    ) -> Sequence[Lead]:
        """Take up to n leads that are due, best first, in one statement; no two cells get the same.

        None of a list that the campaign has paused (`Campaign.paused_lists`).
        """

    async def give_back(
        self, leads: Iterable[LeadId], *, cell: CellId, not_before_at: datetime | None = None
    ) -> None:
        """The leases of this cell end, no attempt was made; somebody else's stay."""

    async def renew(self, leads: Iterable[LeadId], *, cell: CellId, until_at: datetime) -> set[LeadId]:
        """Gives those that this cell still has; the others are somebody else's by now."""

    async def release_cell(self, cell: CellId, *, but: Iterable[LeadId]) -> int:
        """At start: give back every lease of this cell except these: calls in flight, facts on their way."""

    async def hold_back(self, cell: CellId, *, but: Iterable[LeadId]) -> int:
        """Instead of `release_cell`, for a damaged journal: these leases end when a person has decided."""

    async def held_back(self) -> Mapping[CellId, int]:
        """How many leads wait for a person, by the cell that had leased them."""

    async def decide(self, cell: CellId, *, dial: bool) -> int:
        """The person's word on what is held back: dial them as if they never were, or take them out."""

    async def reclaim(self, cell: CellId, *, but: Iterable[LeadId], now: datetime) -> int:
        """Give back leases of this cell that ran out and that it knows nothing of: an answer was lost."""

    async def release_run_out(self, now: datetime, *, gone_s: float) -> int:
        """Give back the leases of cells that no service has held for so long, by the database's clock.

        Of a cell that never held itself (an older version's), those that had run out by `now`.
        """


class Leads(Protocol):
    """The lists: what is in them, and what people do to them."""

    async def get(self, lead: LeadId) -> Lead: ...
    async def find(
        self,
        campaign: CampaignId,
        *,
        status: LeadStatus | None = None,
        number: str = "",
        after: int = 0,
        limit: int = 100,
    ) -> Sequence[Lead]: ...
    async def count(self, campaign: CampaignId, now: datetime) -> Mapping[str, int]:
        """By status; RETRY is split into retry_due and retry_later; who waits in a paused list is paused."""

    async def next_due_at(self, campaign: CampaignId, now: datetime) -> datetime | None:
        """When a lead can be leased: `now` if one can be at once, None if none ever can."""

    async def numbers_of(self, campaign: CampaignId) -> set[str]:
        """All of them, each with its extension (`Lead.keys`), however many."""

    async def known_numbers(self, campaign: CampaignId, numbers: Iterable[str]) -> set[str]:
        """Those of `numbers` (`Lead.keys`) that the campaign has already, however long its list is."""

    async def import_list(
        self, campaign: CampaignId, file_name: str, leads: Iterable[Lead], *, now: datetime
    ) -> tuple[int, int]:
        """All or nothing; gives (import id, how many leads came in). Lead ids in the input are ignored.

        A number (with its extension) stands once in a campaign: one that is there already is left out, though
        another import brought it in this very moment, and so is a lead of which nothing is left.
        """

    async def undo_import(self, import_id: int) -> int:
        """Refused (Conflict) when one of its leads was already dialled."""

    async def imports(self, campaign: CampaignId) -> Sequence[Mapping[str, Any]]: ...
    async def find_import(self, import_id: int) -> Mapping[str, Any]:
        """With its campaign; Missing where there is none."""

    async def paused(self, campaign: CampaignId) -> Mapping[int, int]:
        """Of each list that is paused, how many leads would be called if it were not."""

    async def exclude(self, lead: LeadId) -> Lead:
        """Taken out by hand, leased or not; a call in flight goes on and does not bring the lead back."""


class Choices(Protocol):
    """Leads by what they have in common, and what is done to many of them: short, a page at a time.

    A lead that is leased is never touched. Each change gives those that it was made of.
    """

    async def chosen(self, choice: Choice, *, after: int = 0, limit: int = 100) -> Sequence[Lead]:
        """In the order of their ids, those behind `after`."""

    async def change(self, changes: Sequence[Change]) -> set[LeadId]:
        """Where each stands and its priority; not of those that stand otherwise than they were read."""

    async def edit(self, before: Lead, after: Lead) -> bool:
        """One lead with all its fields; False when it is not as `before` any more.

        Raises Missing, and Conflict where the campaign has one of its numbers already.
        """

    async def remove(self, which: Sequence[LeadId]) -> set[LeadId]:
        """Their records stay."""

    async def move(self, which: Sequence[LeadId], campaign: CampaignId) -> set[LeadId]:
        """As they stand; not those of whose numbers the campaign has one already."""


class Campaigns(Protocol):
    @property
    def unread(self) -> Mapping[str, str]:
        """Rows that the last `all` left out because they cannot be read: their names, and why."""

    async def add(self, campaign: Campaign) -> Campaign: ...  # the id is given by the store
    async def save(self, campaign: Campaign) -> Campaign:
        """All but the status, which has a way of its own; gives it with its new version.

        Stale when somebody has saved another since this one was read (domain/editions.py).
        """

    async def set_status(self, campaign: CampaignId, status: CampaignStatus) -> None: ...
    async def get(self, campaign: CampaignId) -> Campaign: ...
    async def by_name(self, name: str) -> Campaign | None: ...
    async def all(self) -> Sequence[Campaign]: ...


class Accounts(Protocol):
    @property
    def unread(self) -> Mapping[str, str]:
        """Rows that the last `all` left out because they cannot be read: their names, and why."""

    async def add(self, account: Account) -> Account: ...
    async def save(self, account: Account) -> Account:
        """With its new version; Stale as for a campaign."""

    async def get(self, operator: OperatorId) -> Account: ...
    async def all(self) -> Sequence[Account]: ...


class Pauses(Protocol):
    async def get(self) -> PauseReasons:
        """The site's list; the default where nobody has set one, or what is there cannot be read."""

    async def save(self, reasons: PauseReasons) -> PauseReasons:
        """With its new version; Stale as for a campaign."""


class Trunks(Protocol):
    @property
    def unread(self) -> Mapping[str, str]:
        """Rows that the last `all` left out because they cannot be read: their names, and why."""

    async def add(self, trunk: Trunk) -> Trunk: ...
    async def save(self, trunk: Trunk) -> Trunk:
        """With its new version; Stale as for a campaign."""

    async def remove(self, trunk: TrunkId) -> None: ...
    async def get(self, trunk: TrunkId) -> Trunk: ...
    async def all(self) -> Sequence[Trunk]: ...


@dataclass(frozen=True, slots=True)
class CdrQuery:
    campaign: CampaignId | None = None
    operator: OperatorId | None = None
    lead: LeadId | None = None
    outcome: str = ""
    since_at: datetime | None = None  # dialled at or after
    until_at: datetime | None = None  # dialled before
    number: str = ""
    trunk: str = ""
    direction: str = ""
    disposition: str = ""
    at_least_s: float | None = None  # of air time
    newest_first: bool = False
    after: str = ""  # id of the last row seen (ids sort by time)
    limit: int = 100


Fact = Closing | Remark | WrapUp | StateChange | SideCall


class Ledger(Protocol):
    """Takes closed facts. Everything here may be told twice: ids make it idempotent."""

    async def close(self, closings: Sequence[Closing]) -> None:
        """One transaction: CDR rows, leads' next tries, leases freed."""

    async def wrap(self, wraps: Sequence[WrapUp]) -> None: ...
    async def remark(self, remarks: Sequence[Remark]) -> None:
        """What operators have said so far, by call: the latest disposition and the latest note count."""

    async def log(self, changes: Sequence[StateChange]) -> None: ...
    async def side(self, calls: Sequence[SideCall]) -> None:
        """The latest word on each counts; its first answer stays."""

    async def recorded(self, call: CallId, file: str, *, seconds: float) -> None: ...


class CallRecords(Protocol):
    """Reads what the ledger took of calls."""

    async def cdr(self, call: CallId) -> Cdr: ...
    async def remarked(self, call: CallId) -> Remark | None:
        """What the operator has said of a call so far, which may not be over; None: nothing."""

    async def cdrs(self, query: CdrQuery) -> Sequence[Cdr]: ...
    async def side_calls(
        self, *, trunk: TrunkId | None = None, kind: SideKind | None = None, limit: int = 100
    ) -> Sequence[SideCall]:
        """The newest first."""

    async def spent(self, since_at: datetime, until_at: datetime) -> Mapping[tuple[CellId, TrunkId], Spent]:
        """By cell and trunk, of calls that we made: attempts made in the span, answered time within it."""

    async def tallies(self, since_at: datetime, until_at: datetime, zone: tzinfo) -> Mapping[Key, Tally]:
        """Fold over SQL by (operator or '', campaign, day of the zone as YYYY-MM-DD)."""

    async def quarters(self, since_at: datetime, until_at: datetime) -> Mapping[Slot, Tally]:
        """The same by (operator or '', campaign, quarter of an hour in UTC), as the live sums are kept."""

    async def parts(self, since_at: datetime, until_at: datetime, at_least_s: float) -> Sequence[Part]:
        """Of records dialled in the span, as `domain.today.parts_of` counts them, in any order."""

    async def answers_by_hour(
        self, campaign: CampaignId | None, since_at: datetime
    ) -> Mapping[tuple[CampaignId, datetime], tuple[int, int]]:
        """(answered, abandoned among them) by the hour of the answer, which a key begins in UTC.

        Of calls that we made and that were answered at or after `since_at`; empty hours are left out.
        """

    async def depth(self, campaign: CampaignId, since_at: datetime, until_at: datetime) -> Depth:
        """How far down its list the campaign is, and where it was in a span; reads the whole list."""

    async def last_operator_of(self, number: PhoneNumber) -> tuple[OperatorId, CampaignId] | None: ...


class Shifts(Protocol):
    """Reads what the ledger took of operators' states."""

    async def changes(
        self,
        operator: OperatorId | None,
        since_at: datetime,
        until_at: datetime,
        *,
        skip: int = 0,
        limit: int | None = None,
    ) -> Sequence[StateChange]:
        """By their instants, then as they were told; without a limit all of the span."""

    async def hours(
        self, operator: OperatorId | None, since_at: datetime, until_at: datetime
    ) -> Mapping[OperatorId, Mapping[State, float]]:
        """Seconds of each operator in each state, as `domain.hours.fold` counts them."""

    async def paused(
        self, operator: OperatorId | None, since_at: datetime, until_at: datetime
    ) -> Mapping[OperatorId, Mapping[str, float]]:
        """Seconds of each operator in pauses by their reason, as `domain.hours.paused` counts them."""


class Records(CallRecords, Shifts, Protocol):
    """Reads what the ledger took."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token of the API; only the hash of its text is kept."""

    id: int
    name: str
    role: str
    sha256: str  # of the token's text, in hexadecimal digits
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    expires_at: datetime | None = None  # None: never


class Learned(Protocol):
    """What pacing has learned, as JSON under names such as campaign:3, trunk:main, product."""

    async def load(self) -> Mapping[str, dict[str, Any]]: ...
    async def save(self, states: Mapping[str, dict[str, Any]], now: datetime) -> None:
        """All or nothing; what is not named stays. BadValue for what JSON cannot hold."""


class PinGuesses(Protocol):
    """Wrong PINs, by operator and by phone (domain.guesses)."""

    async def of(self, key: str) -> Guesses: ...
    async def keep(self, key: str, guesses: Guesses) -> None: ...
    async def drop(self, key: str) -> bool:
        """False: there was none."""


class Tokens(Protocol):
    async def add(
        self, name: str, role: str, *, sha256: str, now: datetime, expires_at: datetime | None = None
    ) -> Token:
        """Conflict when a token in force has this name already; one that has expired makes room."""

    async def find(self, sha256: str) -> Token | None:
        """The token with this hash that was not revoked; it may have expired."""

    async def used(self, token: int, now: datetime) -> None: ...
    async def all(self) -> Sequence[Token]: ...
    async def revoke(self, name: str, now: datetime) -> None: ...


class Cells(Protocol):
    """Whose a cell is. Every instant and every comparison is made by the clock of the database."""

    async def take(
        self, cell: CellId, holder: Holder, *, lease_s: float, after: Sequence[str] = ()
    ) -> Taken | Held:
        """In one statement: ours if nobody has it, if its time is over, or if one of `after` has it."""

    async def keep(self, cell: CellId, holder: str, *, lease_s: float) -> bool:
        """So many seconds more from now; False: it is somebody else's."""

    async def release(self, cell: CellId, holder: str, *, in_order: bool) -> None:
        """Others may have it. Not in order: the next one hears of us, because our journal holds something."""

    async def all(self) -> Sequence[Held]:
        """Those that somebody has, or had and did not give back in good order."""


@dataclass(frozen=True, slots=True)
class Stores:
    """One database: every store that lies in it."""

    leads: Leads
    leases: Leases
    choices: Choices
    intake: Intake
    campaigns: Campaigns
    accounts: Accounts
    pauses: Pauses
    trunks: Trunks
    numbers: Numbers
    ledger: Ledger
    records: Records
    learned: Learned
    tokens: Tokens
    pins: PinGuesses
    cells: Cells
    requests: Requests
