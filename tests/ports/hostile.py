"""Hostile values, and what is asked of stores with them, as hypothesis draws them.

An id has a name until a store has given it, for no two stores give the same ones.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from random import Random
from typing import Any, cast

from hypothesis import strategies as st

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing, Remark, WrapUp
from dialer.domain.dnc import Entry, Listed
from dialer.domain.errors import ObzvonError
from dialer.domain.guesses import Guesses
from dialer.domain.lead import Lead, LeadUpdate
from dialer.domain.operators import Account, State, StateChange
from dialer.domain.spending import SideCall, SideKind
from dialer.domain.trunk import Trunk
from dialer.domain.types import (
    CallId,
    CampaignId,
    CampaignStatus,
    CellId,
    LeadId,
    LeadStatus,
    OperatorId,
    Outcome,
    PhoneNumber,
)
from dialer.ports.stores import CdrQuery, Stores
from tests.ports.made import AT, entry, record


@dataclass(frozen=True, order=True)
class Ref:
    """The id that the nth thing of a kind got from a store; they are not the same everywhere."""

    kind: str
    n: int


@dataclass(frozen=True)
class Asked:
    """One request to a store."""

    store: str
    verb: str
    args: tuple[Any, ...]
    kwargs: tuple[tuple[str, Any], ...] = ()


class World:
    """One set of stores, and the names of the ids that they gave."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.ids: dict[Ref, int] = {}

    async def ask(self, asked: Asked) -> Any:
        """What comes of it: plain values, or the class of the error."""
        request = getattr(getattr(self.stores, asked.store), asked.verb)
        try:
            answer = await request(
                *self._real(asked.args), **{name: self._real(value) for name, value in asked.kwargs}
            )
        except ObzvonError as refusal:
            return type(refusal).__name__.replace("Twin", "Conflict")
        await self._learn(asked, answer)
        return self._plain(answer[1:] if asked.verb == "import_list" else answer)

    async def _learn(self, asked: Asked, answer: Any) -> None:
        match asked.verb, asked.store:
            case "add", "campaigns":
                self._name("campaign", answer.id)
            case "add", "tokens":
                self._name("token", answer.id)
            case "import_list", _:
                self._name("import", answer[0])
                for lead in await self.stores.leads.find(self._real(asked.args[0]), limit=1000):
                    if (lead.id, "lead") not in [(id_, ref.kind) for ref, id_ in self.ids.items()]:
                        self._name("lead", lead.id)

    def _name(self, kind: str, id_: int) -> None:
        self.ids[Ref(kind, sum(ref.kind == kind for ref in self.ids))] = id_

    def _real(self, value: Any) -> Any:
        """The value with this store's ids in the place of their names; what is not there yet is nobody's."""
        match value:
            case Ref():
                return self.ids.get(value, 900_000 + value.n)
            case list() | tuple():
                return type(value)(self._real(each) for each in value)
            case dict() if value is not deep:  # no name stands there, and it is deeper than a call may be
                return {key: self._real(each) for key, each in value.items()}
            case _ if is_dataclass(value) and not isinstance(value, type):
                changed = {each.name: self._real(getattr(value, each.name)) for each in fields(value)}
                return replace(cast(Any, value), **changed)
        return value

    def _plain(self, value: Any, place: str = "") -> Any:
        """The same from every store: names for ids, instants in UTC, no order where there is none."""
        match value:
            case Enum() | bool() | None:
                return value
            case int():
                named = (ref for ref, id_ in self.ids.items() if (ref.kind, id_) == (IDS.get(place), value))
                return next(named, value)
            case datetime():
                return value.astimezone(UTC)
            case set() | frozenset():
                return sorted((self._plain(each, place) for each in value), key=repr)
            case list() | tuple():
                return [self._plain(each, place) for each in value]
            case _ if is_dataclass(value):
                kind = type(value).__name__
                return kind, {
                    each.name: self._plain(getattr(value, each.name), f"{kind}.{each.name}")
                    for each in fields(value)
                }
            case _ if hasattr(value, "items"):
                items = ((self._plain(key), self._plain(each, f"row.{key}")) for key, each in value.items())
                return sorted(items, key=repr)
        return value


IDS = {
    "Campaign.id": "campaign",
    "Lead.campaign": "campaign",
    "Lead.import_id": "import",
    "Entry.campaign": "campaign",
    "Source.campaign": "campaign",
    "Cdr.campaign": "campaign",
    "Token.id": "token",
    "StateChange.campaign": "campaign",
    "row.campaign": "campaign",
    "row.id": "import",
    "Lead.id": "lead",
    "Cdr.lead": "lead",
}

# --- values ---

NOISE = "".join(Random(7).choices("abcdefghijklmnopqrstuvwxyz0123456789", k=6000))  # no index can shorten it
texts = st.sampled_from(
    [
        "",
        "a",
        "b",
        "a\0b",
        "\0",
        "\ud800",
        "a\udcffb",
        "я" * 200,
        "\U0001f600",
        "a\u0000b\ud83d",
        NOISE,
        NOISE[:3000],
        "\ufffd",
        "?",
        "'; DROP TABLE leads --",
        "%",
        "line\nline",
        "\x1b[31m",
        "A",
        "é",
        "é",
    ]
)
wholes = st.sampled_from(
    [0, 1, 2, -1, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**32, 2**63 - 1, 2**63, -(2**63) - 1, 2**70]
)
reals = st.sampled_from(
    [0.0, 1.5, -1.0, 0.1, 1e-9, 1e9, 1e13, 1e300, float("nan"), float("inf"), float("-inf")]
)
instants = st.sampled_from(
    [
        AT,
        AT + timedelta(minutes=5),
        AT - timedelta(days=40),
        AT.astimezone(timezone(timedelta(hours=5, minutes=30))),
        AT.replace(tzinfo=None),
        datetime(1969, 12, 31, 23, 59, 59, 1, tzinfo=UTC),
        datetime.min.replace(tzinfo=UTC),
        datetime.max.replace(tzinfo=UTC),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=9))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-9))),
    ]
)
usual_texts, usual_instants = st.sampled_from(["a", "b", "c"]), st.sampled_from([AT, AT + timedelta(hours=1)])
spans = st.sampled_from([timedelta(), timedelta(minutes=5), timedelta.max, timedelta.min, timedelta(days=-1)])


def refs(kind: str) -> st.SearchStrategy[Any]:
    """Mostly things that are there."""
    known = st.builds(Ref, st.just(kind), st.integers(0, 2))
    return st.one_of(known, known, known, wholes.filter(lambda id_: id_ not in (1, 2)))


def mostly(value: Any, hostile: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(value), st.just(value), st.just(value), hostile)


def maybe(value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), value)


numbers = st.sampled_from([PhoneNumber(f"+7916000000{n}") for n in range(4)])
any_numbers = st.one_of(numbers, numbers, numbers, texts)
calls = st.sampled_from([CallId(f"c-{n}") for n in range(5)])
any_calls = st.one_of(calls, calls, calls, calls, texts)
cells = st.sampled_from([CellId("main"), CellId("west")])
operators = st.sampled_from([OperatorId("101"), OperatorId("102")])
any_operators = st.one_of(operators, operators, texts)
outcomes = st.sampled_from([Outcome.BUSY, Outcome.CONNECTED, Outcome.ABANDONED, Outcome.TRUNK_REFUSED])
statuses = st.sampled_from(list(LeadStatus))

campaigns = st.builds(
    Campaign,
    id=st.just(CampaignId(0)),
    name=st.one_of(usual_texts, texts),
    priority=mostly(0, wholes),
    ratio=mostly(1.0, reals),
    trunks=st.lists(usual_texts, max_size=2).map(tuple),
    caller_id=mostly("", texts),
    rest=mostly(timedelta(minutes=30), spans),
)
accounts = st.builds(
    Account, id=st.one_of(operators, texts), name=texts, number=maybe(any_numbers), pin_hash=mostly("", texts)
)
trunks = st.builds(
    Trunk, id=st.one_of(usual_texts, texts), host=texts, lines=mostly(10, wholes), price=mostly(0.0, reals)
)
leads = st.builds(
    Lead,
    id=st.just(LeadId(0)),
    campaign=st.just(CampaignId(0)),
    numbers=st.lists(any_numbers, max_size=2).map(tuple),
    priority=mostly(0, wholes),
    zones=st.lists(texts, max_size=1).map(tuple),
    name=texts,
    extra=st.dictionaries(texts, texts, max_size=2),
    ref=mostly("", texts),
)
updates = st.builds(
    LeadUpdate,
    lead=refs("lead"),
    status=st.sampled_from([each for each in LeadStatus if each is not LeadStatus.LEASED]),
    number_index=mostly(0, wholes),
    attempts=st.sampled_from([0, 1, 2, 3, -1, 2**31, 2**70]),
    tried=st.dictionaries(outcomes, st.integers(0, 3), max_size=2),
    next_at=maybe(st.one_of(usual_instants, instants)),
    last_at=maybe(st.one_of(usual_instants, instants)),
    last_outcome=maybe(outcomes),
    dead=st.lists(any_numbers, max_size=1).map(tuple),
    base=maybe(st.sampled_from([0, 1, 2, 2**31])),
)
records = st.builds(
    lambda **changed: replace(record("c"), **changed),
    id=any_calls,
    campaign=refs("campaign"),
    lead=maybe(refs("lead")),
    number=any_numbers,
    attempt_no=mostly(1, wholes),
    dialled_at=st.one_of(usual_instants, instants),
    answer_at=maybe(st.one_of(usual_instants, instants)),
    end_at=st.one_of(usual_instants, instants),
    talk_s=mostly(1.5, reals),
    wait_s=maybe(reals),
    outcome=outcomes,
    cause=maybe(mostly(16, wholes)),
    operator=maybe(any_operators),
    reason=texts,
    recording=mostly("", texts),
)
closings = st.builds(
    lambda cdr, lead, call, cell: Closing(cdr, lead, cdr.id if cdr else call, cell),
    maybe(records),
    maybe(updates),
    any_calls,
    maybe(cells),
)
wraps = st.builds(
    WrapUp,
    call=any_calls,
    operator=any_operators,
    wrap_up_s=mostly(1.0, reals),
    disposition=texts,
    at=st.one_of(usual_instants, instants),
    lead=maybe(updates),
    note=texts,
)
remarks = st.builds(
    Remark,
    call=any_calls,
    operator=any_operators,
    at=st.one_of(usual_instants, instants),
    disposition=texts,
    callback_at=maybe(instants),
    note=texts,
)
states = st.sampled_from([State.READY, State.PAUSED, State.TALKING])
changes = st.builds(
    StateChange,
    operator=any_operators,
    was=states,
    became=states,
    reason=st.one_of(usual_texts, texts),
    at=st.one_of(usual_instants, instants),
    call=maybe(any_calls),
    campaign=maybe(refs("campaign")),
)
sides = st.builds(
    SideCall,
    id=st.one_of(calls, texts),
    cell=cells,
    kind=st.sampled_from(list(SideKind)),
    trunk=st.one_of(usual_texts, texts),
    number=any_numbers,
    who=texts,
    begun_at=st.one_of(usual_instants, instants),
    end_at=st.one_of(usual_instants, instants),
    answer_at=maybe(instants),
    cause=maybe(mostly(16, wholes)),
    is_over=st.booleans(),
)
guesses = st.builds(Guesses, wrong=mostly(1, wholes), locks=mostly(0, wholes), last_at=maybe(instants))
deep: dict[str, Any] = {}
for _ in range(1500):
    deep = {"a": deep}
taught = st.sampled_from(
    [
        {"n": 1},
        {"n": float("nan")},
        {"n": 2**70},
        {"n": "\ud800\0"},
        {"n": object()},
        deep,
        {"n": 0.1, "m": [1, None, "я"]},
    ]
)


# --- requests ---


def ask(
    store: str, verb: str, *args: st.SearchStrategy[Any], **kwargs: st.SearchStrategy[Any]
) -> st.SearchStrategy[Asked]:
    named = st.tuples(*(st.tuples(st.just(name), value) for name, value in kwargs.items()))
    return st.builds(Asked, st.just(store), st.just(verb), st.tuples(*args), named)


def some(values: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(values, max_size=most)


CAMPAIGN, LEAD = refs("campaign"), refs("lead")
bars = st.builds(
    Entry,
    entry=any_numbers,
    campaign=maybe(CAMPAIGN),
    reason=texts,
    at=instants,
    source=texts,
    by=texts,
    until_at=maybe(instants),
    seen_at=maybe(instants),
)
queries = st.builds(
    CdrQuery,
    campaign=maybe(CAMPAIGN),
    operator=maybe(any_operators),
    lead=maybe(LEAD),
    outcome=st.sampled_from(["", "busy", "none such", "\0"]),
    since_at=maybe(instants),
    until_at=maybe(instants),
    after=texts,
    limit=mostly(100, wholes),
)
writes = st.one_of(
    ask("campaigns", "add", campaigns),
    ask("campaigns", "save", st.builds(replace, campaigns, id=CAMPAIGN)),
    ask("campaigns", "set_status", CAMPAIGN, st.sampled_from(list(CampaignStatus))),
    ask("accounts", "add", accounts),
    ask("accounts", "save", accounts),
    ask("trunks", "add", trunks),
    ask("trunks", "save", trunks),
    ask("trunks", "remove", st.one_of(usual_texts, texts)),
    ask("leads", "import_list", CAMPAIGN, texts, some(leads), now=st.one_of(usual_instants, instants)),
    ask(
        "leads", "import_list", CAMPAIGN, texts, some(st.builds(entry, st.integers(1, 9))), now=usual_instants
    ),
    ask("leases", "lease", CAMPAIGN, mostly(2, wholes), cell=cells, now=instants, until_at=instants),
    ask(
        "leases",
        "lease",
        CAMPAIGN,
        st.integers(1, 3),
        cell=cells,
        now=usual_instants,
        until_at=usual_instants,
    ),
    ask("leases", "give_back", some(LEAD), cell=cells, not_before_at=maybe(instants)),
    ask("leases", "renew", some(LEAD), cell=cells, until_at=st.one_of(usual_instants, instants)),
    ask("leases", "release_cell", cells, but=some(LEAD)),
    ask("leases", "hold_back", cells, but=some(LEAD)),
    ask("leases", "decide", cells, dial=st.booleans()),
    ask("leases", "reclaim", cells, but=some(LEAD), now=instants),
    ask("leases", "release_run_out", instants, gone_s=reals),
    ask("leads", "undo_import", refs("import")),
    ask("leads", "exclude", LEAD),
    ask("ledger", "close", some(closings)),
    ask("ledger", "wrap", some(wraps)),
    ask("ledger", "remark", some(remarks)),
    ask("records", "remarked", any_calls),
    ask("ledger", "log", some(changes)),
    ask("ledger", "side", some(sides)),
    ask("ledger", "recorded", any_calls, texts, seconds=reals),
    ask("numbers", "block", bars),
    ask("numbers", "block_all", some(any_numbers), bars, replaces=st.booleans(), dry_run=st.booleans()),
    ask("numbers", "unblock", any_numbers, campaign=maybe(CAMPAIGN), source=maybe(texts)),
    ask("numbers", "barring", any_numbers),
    ask(
        "tokens",
        "add",
        st.one_of(usual_texts, texts),
        texts,
        sha256=texts,
        now=instants,
        expires_at=maybe(instants),
    ),
    ask("tokens", "used", refs("token"), instants),
    ask("tokens", "revoke", st.one_of(usual_texts, texts), instants),
    ask("pins", "keep", texts, guesses),
    ask("pins", "drop", texts),
    ask("learned", "save", st.dictionaries(texts, taught, max_size=2), instants),
)
reads = st.one_of(
    ask("campaigns", "get", CAMPAIGN),
    ask("campaigns", "by_name", texts),
    ask("accounts", "get", any_operators),
    ask("trunks", "get", st.one_of(usual_texts, texts)),
    ask("leads", "get", LEAD),
    ask(
        "leads",
        "find",
        CAMPAIGN,
        status=maybe(statuses),
        number=st.one_of(st.just("+7916"), texts),
        after=mostly(0, wholes),
        limit=mostly(9, wholes),
    ),
    ask("leads", "count", CAMPAIGN, instants),
    ask("leads", "next_due_at", CAMPAIGN, instants),
    ask("leads", "numbers_of", CAMPAIGN),
    ask("leads", "known_numbers", CAMPAIGN, some(any_numbers)),
    ask("leads", "imports", CAMPAIGN),
    ask("records", "cdr", any_calls),
    ask("records", "cdrs", queries),
    ask("records", "tallies", instants, instants, st.sampled_from([UTC, timezone(timedelta(hours=10))])),
    ask("records", "quarters", instants, instants),
    ask("records", "parts", instants, instants, st.just(30.0)),
    ask("records", "spent", instants, instants),
    ask(
        "records",
        "side_calls",
        trunk=maybe(texts),
        kind=maybe(st.sampled_from(list(SideKind))),
        limit=mostly(9, wholes),
    ),
    ask("records", "answers_by_hour", maybe(CAMPAIGN), instants),
    ask("records", "depth", CAMPAIGN, instants, instants),
    ask(
        "records",
        "changes",
        maybe(any_operators),
        instants,
        instants,
        skip=mostly(0, wholes),
        limit=maybe(wholes),
    ),
    ask("records", "hours", maybe(any_operators), instants, instants),
    ask("records", "last_operator_of", any_numbers),
    ask(
        "numbers",
        "blocked",
        st.builds(
            Listed,
            campaign=maybe(CAMPAIGN),
            source=maybe(texts),
            seen_before_at=maybe(instants),
            after=st.tuples(texts, mostly(0, wholes), texts),
            limit=maybe(wholes),
        ),
    ),
    ask("numbers", "history", some(any_numbers), CAMPAIGN),
    ask("tokens", "find", texts),
    ask("pins", "of", texts),
)
PAST, FUTURE = AT - timedelta(days=400), AT + timedelta(days=400)
LAST = (
    Asked("campaigns", "all", ()),
    Asked("accounts", "all", ()),
    Asked("trunks", "all", ()),
    Asked("tokens", "all", ()),
    Asked("learned", "load", ()),
    Asked("numbers", "blocked", (Listed(),)),
    Asked("leases", "held_back", ()),
    Asked("records", "cdrs", (CdrQuery(),)),
    Asked("records", "side_calls", ()),
    Asked("records", "changes", (None, PAST, FUTURE)),
    Asked("records", "tallies", (PAST, FUTURE, UTC)),
    *(
        Asked("leads", verb, (Ref("campaign", n), *rest))
        for n in range(3)
        for verb, rest in (("find", ()), ("count", (AT,)), ("imports", ()))
    ),
)  # what is looked at when all was asked
stories = st.lists(st.one_of(writes, writes, reads), min_size=1, max_size=14).map(
    lambda asked: [
        Asked("campaigns", "add", (Campaign(CampaignId(0), "first"),)),
        Asked(
            "leads",
            "import_list",
            (Ref("campaign", 0), "a.csv", [entry(n) for n in range(3)]),
            (("now", AT),),
        ),
        *asked,
        *LAST,
    ]
)
