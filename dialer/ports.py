"""Every Protocol that the engine, the web and the AGI server need, on one screen."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from dialer.domain.call import Call, Event
from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Cdr, Closing, Tally, WrapUp
from dialer.domain.cells import Held, Holder, Taken
from dialer.domain.depth import Depth
from dialer.domain.guesses import Guesses
from dialer.domain.lead import Lead
from dialer.domain.operators import Account, Operator, State, StateChange
from dialer.domain.spending import SideCall, SideKind, Spent
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    BridgeId,
    CallId,
    CampaignId,
    CampaignStatus,
    CellId,
    ChannelId,
    LeadId,
    LeadStatus,
    OperatorId,
    PhoneNumber,
    TrunkId,
)

# --- Asterisk ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChannelSeen:
    """A channel as Asterisk lists it."""

    id: ChannelId
    state: str  # Down, Ring, Ringing, Up ...
    created_at: datetime
    app: str  # the dialplan application it executes; Stasis when it is ours to control
    context: str
    exten: str


@dataclass(frozen=True, slots=True)
class BridgeSeen:
    id: BridgeId
    channels: tuple[ChannelId, ...]


@dataclass(frozen=True, slots=True)
class Noted:
    """What became of a channel of ours, noted by Asterisk for who was not there to hear it."""

    answer_at: datetime | None
    message_at: datetime | None
    end_at: datetime | None  # None: it was dialled, or in the message, when this was noted
    cause: int
    sip_code: int | None = None  # the network's last word, where it said one
    message_over: bool = False  # heard to its end
    words: str = ""  # what the network wrote behind its code


@dataclass(frozen=True, slots=True)
class ChannelNews:
    """Something that happened to one channel: a person's, an operator's leg, a return call's."""

    channel: ChannelId
    event: Event
    args: tuple[str, ...] = ()  # of EnteredApp: what the dialplan says that the channel is
    caller: str = ""  # of EnteredApp: who calls, as the trunk wrote it
    exten: str = ""  # of EnteredApp: where the channel is in the dialplan
    endpoint: str = ""  # of EnteredApp: the trunk or the phone that the channel belongs to


@dataclass(frozen=True, slots=True)
class PhoneNews:
    """A phone or a trunk began or ceased to answer Asterisk's probes."""

    endpoint: str
    is_reachable: bool
    at: datetime
    contact: str = ""  # which of its addresses
    is_removed: bool = False  # the registration of this address has ended, or another took its place


class Ear(Protocol):
    """Who hears Asterisk. Called by the reader, in Asterisk's order; everything here must return at once.

    Instants are as Asterisk's own clock showed them.
    """

    def heard(self, news: ChannelNews | PhoneNews) -> None: ...
    def ready(self, booted_at: datetime) -> None:
        """Connected and set up, all that happened meanwhile was heard: reconcile now."""

    def down(self) -> None:
        """Asterisk is not connected; requests raise LinkDown until the next `ready`."""


class LinkWatcher(Protocol):
    """Sees how the link to Asterisk fares: metrics. Cheap, never raises."""

    def saw_lag(self, lag_s: float) -> None:
        """Our clock less Asterisk's stamp of a live event; replayed events are left out."""

    def saw_link(self, is_ready: bool) -> None: ...
    def request_failed(self, why: str) -> None:
        """`why` is the id of the error: refused, timed-out, link-down."""


class Switch(Protocol):
    """One Asterisk. Every request may raise Refused, TimedOut or LinkDown (domain.errors)."""

    async def originate(
        self,
        channel: ChannelId,
        *,
        endpoint: str,
        context: str,
        exten: str,
        caller_id: str,
        timeout_s: int,
        variables: Mapping[str, str],
    ) -> None: ...
    async def connect(self, channel: ChannelId, bridge: BridgeId) -> None:
        """Clear the channel's guard clock and add it to the bridge, back to back."""

    async def answer(self, channel: ChannelId) -> None:
        """Pick up a call that came in."""

    async def hang_up(self, channel: ChannelId, reason: str = "normal") -> None:
        """A channel that is gone already is no error."""

    async def create_bridge(self, bridge: BridgeId) -> None: ...
    async def destroy_bridge(self, bridge: BridgeId) -> None: ...
    async def add(self, channel: ChannelId, bridge: BridgeId) -> None: ...
    async def remove(self, channel: ChannelId, bridge: BridgeId) -> None: ...
    async def go_on(self, channel: ChannelId, *, context: str, exten: str) -> None:
        """Leave the application and continue in the dialplan."""

    async def set_variable(self, channel: ChannelId, name: str, value: str) -> None: ...
    async def start_music(self, channel: ChannelId) -> None: ...
    async def stop_music(self, channel: ChannelId) -> None: ...
    async def play(self, channel: ChannelId, *media: str, playback: str = "") -> None:
        """One after another. `playback`: a name by which it can be stopped."""

    async def stop_playing(self, playback: str) -> None:
        """One that is over already is no error."""

    async def whisper(self, channel: ChannelId, snoop: ChannelId) -> None:
        """Open a snoop that only this channel hears; lasts until it is hung up."""

    async def mute(self, channel: ChannelId, on: bool) -> None: ...
    async def send_keys(self, channel: ChannelId, keys: str) -> None: ...
    async def channels(self) -> Sequence[ChannelSeen]: ...
    async def bridges(self) -> Sequence[BridgeSeen]: ...
    async def reachable(self) -> Set[str]:
        """The phones and trunks to which Asterisk knows a way."""

    async def booted_at(self) -> datetime:
        """When this Asterisk started: another boot, another instant."""

    async def clock(self) -> tuple[datetime, datetime]:
        """The span that Asterisk's clock was in at some instant between question and answer."""

    async def noted_of(self, channel: ChannelId, place: str) -> Noted | None:
        """What its place holds, if it is of this channel. None: this Asterisk never had it.

        The first note is made with the request that makes the channel. Asterisk that was started since, or
        whose globals were cleared, knows none.
        """

    async def codecs(self) -> Set[str]:
        """The sound formats that Asterisk can translate into each other; no other one is of use."""

    async def push_trunk(self, trunk: Trunk, password: str) -> None: ...
    async def push_phone(self, account: Account, password: str) -> None: ...
    async def drop_endpoint(self, name: str) -> None: ...


# --- stores -----------------------------------------------------------------------------------------------


class Leads(Protocol):
    async def lease(
        self, campaign: CampaignId, n: int, *, cell: CellId, now: datetime, until_at: datetime
    ) -> Sequence[Lead]:
        """Take up to n leads that are due, best first, in one statement; no two cells get the same."""

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

    async def release_run_out(self, now: datetime) -> int:
        """Give back leases that have run out, of cells that no service holds any more."""

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
        """By status; RETRY is split into retry_due and retry_later."""

    async def next_due_at(self, campaign: CampaignId, now: datetime) -> datetime | None:
        """When a lead can be leased: `now` if one can be at once, None if none ever can."""

    async def numbers_of(self, campaign: CampaignId) -> set[PhoneNumber]:
        """All of them: for a whole list."""

    async def known_numbers(self, campaign: CampaignId, numbers: Iterable[PhoneNumber]) -> set[PhoneNumber]:
        """Those of `numbers` that the campaign has already, however long its list is."""

    async def import_list(
        self, campaign: CampaignId, file_name: str, leads: Iterable[Lead], *, now: datetime
    ) -> tuple[int, int]:
        """All or nothing; gives (import id, how many). Lead ids in the input are ignored."""

    async def undo_import(self, import_id: int) -> int:
        """Refused (Conflict) when one of its leads was already dialled."""

    async def imports(self, campaign: CampaignId) -> Sequence[Mapping[str, Any]]: ...
    async def exclude(self, lead: LeadId) -> Lead:
        """Taken out by hand, leased or not; a call in flight goes on and does not bring the lead back."""


class Campaigns(Protocol):
    @property
    def unread(self) -> Mapping[str, str]:
        """Rows that the last `all` left out because they cannot be read: their names, and why."""

    async def add(self, campaign: Campaign) -> Campaign: ...  # the id is given by the store
    async def save(self, campaign: Campaign) -> None:
        """All but the status, which has a way of its own."""

    async def set_status(self, campaign: CampaignId, status: CampaignStatus) -> None: ...
    async def get(self, campaign: CampaignId) -> Campaign: ...
    async def by_name(self, name: str) -> Campaign | None: ...
    async def all(self) -> Sequence[Campaign]: ...


class Accounts(Protocol):
    @property
    def unread(self) -> Mapping[str, str]:
        """Rows that the last `all` left out because they cannot be read: their names, and why."""

    async def add(self, account: Account) -> None: ...
    async def save(self, account: Account) -> None: ...
    async def get(self, operator: OperatorId) -> Account: ...
    async def all(self) -> Sequence[Account]: ...


class Trunks(Protocol):
    @property
    def unread(self) -> Mapping[str, str]:
        """Rows that the last `all` left out because they cannot be read: their names, and why."""

    async def add(self, trunk: Trunk) -> None: ...
    async def save(self, trunk: Trunk) -> None: ...
    async def remove(self, trunk: TrunkId) -> None: ...
    async def get(self, trunk: TrunkId) -> Trunk: ...
    async def all(self) -> Sequence[Trunk]: ...


@dataclass(frozen=True, slots=True)
class NumberHistory:
    """What the gates of one number look at."""

    last_end_at: datetime | None = None
    last_outcome: str = ""
    dnc: str = ""  # why it must not be called; empty: it may
    in_call: bool = False  # right now, with anybody of this cell


class Numbers(Protocol):
    """The do-not-call list and the history of numbers, over all campaigns."""

    async def block(self, entry: str, *, campaign: CampaignId | None, reason: str, now: datetime) -> None:
        """A number, or a prefix ending in `*`."""

    async def unblock(self, entry: str, *, campaign: CampaignId | None) -> bool: ...
    async def blocked(
        self,
        campaign: CampaignId | None = None,
        *,
        after: tuple[str, int] = ("", 0),
        limit: int | None = None,
    ) -> Sequence[Mapping[str, Any]]:
        """Entries in the order of (entry, campaign; 0: every campaign), those behind `after`.

        Of one campaign when it is given; all of them without a limit.
        """

    async def history(
        self, numbers: Iterable[PhoneNumber], campaign: CampaignId
    ) -> Mapping[PhoneNumber, NumberHistory]: ...


@dataclass(frozen=True, slots=True)
class CdrQuery:
    campaign: CampaignId | None = None
    operator: OperatorId | None = None
    lead: LeadId | None = None
    outcome: str = ""
    since_at: datetime | None = None  # dialled at or after
    until_at: datetime | None = None  # dialled before
    after: str = ""  # id of the last row seen (ids sort by time)
    limit: int = 100


Fact = Closing | WrapUp | StateChange | SideCall


class Ledger(Protocol):
    """Closed facts. Everything here may be told twice: ids make it idempotent."""

    async def close(self, closings: Sequence[Closing]) -> None:
        """One transaction: CDR rows, leads' next tries, leases freed."""

    async def wrap(self, wraps: Sequence[WrapUp]) -> None: ...
    async def log(self, changes: Sequence[StateChange]) -> None: ...
    async def side(self, calls: Sequence[SideCall]) -> None:
        """The latest word on each counts; its first answer stays."""

    async def side_calls(
        self, *, trunk: TrunkId | None = None, kind: SideKind | None = None, limit: int = 100
    ) -> Sequence[SideCall]:
        """The newest first."""

    async def spent(self, since_at: datetime, until_at: datetime) -> Mapping[tuple[CellId, TrunkId], Spent]:
        """By cell and trunk, of calls that we made: attempts made in the span, answered time within it."""

    async def recorded(self, call: CallId, file: str, *, seconds: float) -> None: ...
    async def cdr(self, call: CallId) -> Cdr: ...
    async def cdrs(self, query: CdrQuery) -> Sequence[Cdr]: ...
    async def tallies(self, since_at: datetime, until_at: datetime) -> Mapping[tuple[str, int, str], Tally]:
        """Fold over SQL by (operator or '', campaign, day as YYYY-MM-DD in UTC)."""

    async def answers_by_hour(
        self, campaign: CampaignId | None, since_at: datetime
    ) -> Mapping[tuple[CampaignId, datetime], tuple[int, int]]:
        """(answered, abandoned among them) by the hour of the answer, which a key begins in UTC.

        Of calls that we made and that were answered at or after `since_at`; empty hours are left out.
        """

    async def depth(self, campaign: CampaignId, since_at: datetime, until_at: datetime) -> Depth:
        """How far down its list the campaign is, and where it was in a span; reads the whole list."""

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

    async def last_operator_of(self, number: PhoneNumber) -> tuple[OperatorId, CampaignId] | None: ...


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
    campaigns: Campaigns
    accounts: Accounts
    trunks: Trunks
    numbers: Numbers
    ledger: Ledger
    learned: Learned
    tokens: Tokens
    pins: PinGuesses
    cells: Cells


class Live(Protocol):
    """Live state that other processes and the wallboard read: memory or Redis."""

    async def clear(self, cell: CellId) -> None:
        """At start: forget the calls and operators of this cell's last run."""

    async def put_call(self, cell: CellId, call: Call) -> None: ...
    async def drop_call(self, cell: CellId, call: CallId) -> None: ...
    async def calls(self) -> Sequence[Call]: ...
    async def put_operator(self, cell: CellId, operator: Operator) -> None: ...
    async def operators(self) -> Sequence[Operator]: ...
    async def add(self, key: tuple[str, int, str], delta: Tally, *, once: CallId) -> None:
        """Add to the sums of (operator or '', campaign, day); the same `once` is counted once."""

    async def tallies(self, day: str) -> Mapping[tuple[str, int, str], Tally]: ...
    async def reset_tallies(self, day: str, sums: Mapping[tuple[str, int, str], Tally]) -> None:
        """Set a day's sums to the fold over SQL; drain the journal first: what was counted stays so."""


@dataclass(frozen=True, slots=True)
class Recovered:
    """What the journal still holds at start."""

    calls: Sequence[Call] = ()  # marked as dialling and not closed, in their last noted state
    operators: Sequence[Operator] = ()  # last noted
    facts: int = 0  # closed facts that the database has not taken
    booted_at: datetime | None = None  # of the Asterisk that those calls were on
    last_at: datetime | None = None  # what is in flight went on at this instant, as far as was heard
    answers: Mapping[str, Mapping[str, Any] | None] = field(default_factory=dict)  # by key; None: begun only
    damages: Sequence[str] = ()  # what it should hold and cannot be read: numbers may have been dialled by it


KEPT_ANSWERS = 1000  # to commands with a key: the oldest is forgotten first


class Journal(Protocol):
    """Local disk. What `note*` and `closed` wrote survives the process, `dialing` the machine too.

    While the disk takes nothing, what they are told stays in memory and is written when it does again.
    """

    @property
    def trouble(self) -> str:
        """Why nothing can be written now, as a sentence; empty: all is well."""

    async def dialing(self, call: Call) -> None:
        """Returns when the mark is on disk; DiskTrouble: it is not, and the number must not be dialled."""

    def note(self, call: Call) -> None: ...
    def note_operator(self, operator: Operator) -> None: ...
    def note_boot(self, booted_at: datetime) -> None: ...
    def heard(self, at: datetime) -> None:
        """Asterisk was there and heard at this instant; only the newest is kept.

        Told once a second, and then a disk that failed is tried again.
        """

    def closed(self, fact: Fact) -> None: ...
    def begun(self, key: str) -> None:
        """A command with this key is about to be done; the newest thousand are kept."""

    def answered(self, key: str, answer: Mapping[str, Any] | None) -> None:
        """What came of it; None: it was refused, and may be asked again."""

    def recover(self) -> Recovered: ...
    def held_back(self) -> None:
        """The leads that what was lost may have dialled are held back: the damages are told no more."""

    async def pending(self, limit: int) -> tuple[int, Sequence[Fact]]:
        """The oldest facts not yet in the database, and the mark to confirm them with; waits for one."""

    def taken(self, mark: int) -> None: ...
    def depth(self) -> int: ...
    def leads(self) -> Collection[LeadId]:
        """Those of the facts that the database has not taken: it does not know yet where they stand."""


@dataclass(frozen=True, slots=True)
class RefusedFact:
    """A fact that the database does not take, and its reason."""

    fact: Fact
    reason: str


class Refusals(Protocol):
    """Local disk, beside the journal: facts that the database refuses, kept until it takes them."""

    def keep(self, fact: Fact, reason: str) -> None:
        """On disk when it returns; DiskTrouble when it cannot be. The same fact is kept once."""

    def all(self) -> Sequence[RefusedFact]: ...
    def forget(self, facts: Iterable[Fact]) -> None:
        """The database has them now."""


# --- people outside the engine ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Command:
    """What the web, the AGI server or the command line asks of a cell.

    Verbs for operators: login, logout, ready, pause, dispose, hang_up, hold, unhold, mute, unmute, keys.
    For campaigns: start, pause, stop, reload. For trunks and phones: push, test. For calls: hang_up.
    For the cell itself: decisions, faults.
    """

    verb: str
    target: str  # kind:id, such as operator:101, campaign:3, trunk:main, call:c-...
    args: Mapping[str, str] = field(default_factory=dict)
    key: str = ""  # idempotency: the same key is done once


class Desk(Protocol):
    """Where commands go and what they answer; raises the Mistakes of domain.errors."""

    async def do(self, command: Command) -> Mapping[str, Any]: ...


class Observer(Protocol):
    """The one fan-out point of calls and operators: metrics, screens, statistics. Cheap, never raises."""

    def saw(self, before: Call | None, event: Event | None, after: Call) -> None: ...
    def moved(self, change: StateChange, operator: Operator) -> None: ...


Clock = Callable[[], datetime]  # aware, UTC; ours never jumps by itself, so spans are measured by it
Follow = Callable[[], timedelta]  # the clock shows the machine's again; gives how far that one was set
