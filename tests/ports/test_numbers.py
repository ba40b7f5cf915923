"""Nobody on the do-not-call list is called, and a number's last attempt is known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from dialer.domain.campaign import Campaign
from dialer.domain.cdr import Closing
from dialer.domain.dnc import EVERYWHERE, Entry, Key, Listed
from dialer.domain.errors import BadValue
from dialer.domain.lead import Lead
from dialer.domain.types import CampaignId, LeadId, Outcome, PhoneNumber
from dialer.ports.numbers import NumberHistory
from dialer.ports.stores import Stores
from tests.ports.made import AT, record

NUMBER, OTHER = PhoneNumber("+79161234567"), PhoneNumber("+79031234567")
SPRING, AUTUMN = CampaignId(1), CampaignId(2)


async def bar(
    stores: Stores,
    entry: str,
    *,
    campaign: CampaignId | None = None,
    reason: str = "",
    now: datetime = AT,
    **more: Any,
) -> None:
    await stores.numbers.block(Entry(entry, campaign, reason, now, **more))


async def listed(stores: Stores, **asked: Any) -> list[tuple[str, CampaignId | None, str]]:
    return [(one.entry, one.campaign, one.source) for one in await stores.numbers.blocked(Listed(**asked))]


async def why(stores: Stores, number: PhoneNumber, campaign: CampaignId = SPRING) -> str:
    return (await stores.numbers.history([number], campaign))[number].dnc


async def test_a_blocked_number_is_blocked_everywhere(stores: Stores) -> None:
    await bar(stores, "+7 (916) 123-45-67", campaign=None, reason="asked", now=AT)
    expected = "the number is on the do-not-call list for every campaign: asked"
    assert await why(stores, NUMBER) == await why(stores, NUMBER, AUTUMN) == expected
    assert await why(stores, OTHER) == ""


async def test_a_block_of_one_campaign_holds_there_only(stores: Stores) -> None:
    await bar(stores, NUMBER, campaign=AUTUMN, reason="", now=AT)
    assert await why(stores, NUMBER) == ""
    assert await why(stores, NUMBER, AUTUMN) == "the number is on the do-not-call list for this campaign"


async def test_a_prefix_blocks_all_that_begins_with_it(stores: Stores) -> None:
    await bar(stores, "+7903*", campaign=None, reason="premium", now=AT)
    assert "prefix +7903* is on the do-not-call list" in await why(stores, OTHER)
    assert await why(stores, NUMBER) == ""
    await bar(stores, "+7*", campaign=None, reason="all", now=AT)
    assert "prefix +7*" in await why(stores, NUMBER)


async def test_a_whole_list_is_barred_at_once_and_what_was_barred_keeps_its_reason(stores: Stores) -> None:
    later = AT + timedelta(days=1)
    many = [PhoneNumber(f"+7916{n:07}") for n in range(1200)] + [NUMBER, PhoneNumber("+79160000001")]
    numbers = stores.numbers
    first = Entry("", None, "list", AT, "file", "anna", seen_at=AT)
    assert await numbers.block_all(many, first, dry_run=True) == 1201
    assert await listed(stores) == []
    assert await numbers.block_all(many, first) == 1201
    again = Entry("", None, "list again", later, "file", "boris", seen_at=later)
    assert await numbers.block_all(many, again, dry_run=True) == 0
    assert await numbers.block_all(many, again) == 0
    assert await numbers.block_all(many[:2], replace(again, campaign=SPRING, reason="here")) == 2
    assert (await why(stores, NUMBER)).endswith("for every campaign: list")
    (kept,) = await numbers.barring(NUMBER)
    assert kept == replace(first, entry=NUMBER, seen_at=later)
    with pytest.raises(BadValue, match="12"):
        await numbers.block_all(["+79990000001", "12"], first)
    assert await why(stores, PhoneNumber("+79990000001")) == "", "all or nothing"


async def test_every_entry_that_bars_a_number_is_told(stores: Stores) -> None:
    await bar(stores, NUMBER, campaign=AUTUMN, reason="here")
    await bar(stores, "+7916*", reason="range")
    await bar(stores, "+7*", campaign=SPRING)
    await bar(stores, OTHER, reason="other")
    told = [(one.entry, one.campaign, one.reason) for one in await stores.numbers.barring(NUMBER)]
    assert told == [(NUMBER, AUTUMN, "here"), ("+7916*", None, "range"), ("+7*", SPRING, "")]
    assert [one.at for one in await stores.numbers.barring(OTHER)] == [AT, AT]
    assert await stores.numbers.barring(PhoneNumber("+12125550123")) == []


async def test_an_entry_stops_barring_at_its_instant_and_stays_on_the_list(stores: Stores) -> None:
    past, later = AT + timedelta(days=1), datetime.now(UTC) + timedelta(days=1)
    await bar(stores, NUMBER, until_at=past)
    await bar(stores, OTHER, until_at=later)
    assert await why(stores, NUMBER) == ""
    assert await why(stores, OTHER) != ""
    among = await stores.numbers.history([NUMBER, OTHER], SPRING)
    assert (among[NUMBER].dnc, among[OTHER].dnc) == ("", await why(stores, OTHER))
    assert await stores.numbers.barring(NUMBER) == []
    assert [one.until_at for one in await stores.numbers.blocked(Listed())] == [later, past]
    (people,) = await stores.numbers.sources()
    assert (people.source, people.entries, people.expired) == ("", 2, 1)
    # another source goes on barring what one has given up
    await bar(stores, NUMBER, source="register", reason="asked")
    assert (await why(stores, NUMBER)).endswith(": asked")


async def test_a_source_that_names_an_entry_again_never_ends_it_earlier(stores: Stores) -> None:
    soon, late = (datetime.now(UTC) + timedelta(days=days) for days in (1, 9))
    like = Entry("", None, "", AT, "file", until_at=late)
    numbers = stores.numbers
    assert await numbers.block_all([NUMBER], like) == 1
    assert await numbers.block_all([NUMBER], replace(like, until_at=soon)) == 0
    assert [one.until_at for one in await numbers.barring(NUMBER)] == [late]
    assert await numbers.block_all([NUMBER], replace(like, until_at=soon), replaces=True) == 0
    assert [one.until_at for one in await numbers.barring(NUMBER)] == [soon]
    assert await numbers.block_all([NUMBER], replace(like, until_at=None)) == 0
    assert [one.until_at for one in await numbers.barring(NUMBER)] == [None]
    # what had expired is barred anew, since now
    await numbers.block_all([OTHER], replace(like, until_at=AT + timedelta(days=1)))
    now = AT + timedelta(days=2)
    assert await numbers.block_all([OTHER], replace(like, at=now, reason="anew")) == 1
    assert [(one.at, one.reason) for one in await numbers.barring(OTHER)] == [(now, "anew")]


async def test_an_entry_may_have_an_end_of_its_own(stores: Stores) -> None:
    soon, late = (datetime.now(UTC) + timedelta(days=days) for days in (1, 9))
    like = Entry("", None, "", AT, "file", until_at=late)
    assert await stores.numbers.block_all([NUMBER, OTHER], like, ends={OTHER: soon}) == 2
    assert [one.until_at for one in await stores.numbers.barring(NUMBER)] == [late]
    assert [one.until_at for one in await stores.numbers.barring(OTHER)] == [soon]
    assert await stores.numbers.block_all([NUMBER], like, ends={NUMBER: soon}, replaces=True) == 0
    assert [one.until_at for one in await stores.numbers.barring(NUMBER)] == [soon]


async def test_each_source_is_freed_by_itself_and_what_others_bar_stays_barred(stores: Stores) -> None:
    await bar(stores, NUMBER, reason="asked")
    await bar(stores, NUMBER, source="register")
    await bar(stores, OTHER, source="register")
    await bar(stores, OTHER, source="register", campaign=SPRING)
    mine = await stores.numbers.blocked(Listed(source="register"))
    assert [(one.entry, one.campaign) for one in mine] == [(OTHER, None), (OTHER, SPRING), (NUMBER, None)]
    assert await stores.numbers.unblock(NUMBER, campaign=None, source="register")
    assert not await stores.numbers.unblock(NUMBER, campaign=None, source="register")
    assert (await why(stores, NUMBER)).endswith(": asked")
    assert await stores.numbers.unblock_all(mine) == 2
    assert await listed(stores) == [(NUMBER, None, "")]
    await bar(stores, NUMBER, source="register")
    assert await stores.numbers.unblock(NUMBER, campaign=None)
    assert await listed(stores) == []


async def test_what_a_source_has_named_since_it_was_read_is_not_freed(stores: Stores) -> None:
    old, new = AT, AT + timedelta(days=30)
    like = Entry("", None, "", old, "register", seen_at=old)
    await stores.numbers.block_all([NUMBER, OTHER], like)
    stale = await stores.numbers.blocked(Listed(EVERYWHERE, "register", seen_before_at=new))
    assert len(stale) == 2
    await stores.numbers.block_all([NUMBER], replace(like, at=new, seen_at=new))
    await stores.numbers.block_all([NUMBER], like)  # an import that began earlier, and is slower
    left = await stores.numbers.blocked(Listed(EVERYWHERE, "register", seen_before_at=new))
    assert [one.entry for one in left] == [OTHER]
    assert await stores.numbers.unblock_all(stale) == 1
    assert await listed(stores) == [(NUMBER, None, "register")]
    (source,) = await stores.numbers.sources()
    assert (source.entries, source.seen_at) == (1, new)


async def test_the_other_numbers_of_a_person_are_those_of_leads_with_this_one(
    stores: Stores, campaign: CampaignId
) -> None:
    autumn = (await stores.campaigns.add(Campaign(CampaignId(0), "autumn"))).id
    board = PhoneNumber("+74951112233")

    def lead(*numbers: PhoneNumber) -> Lead:
        return Lead(LeadId(0), CampaignId(0), numbers, extensions={board: "12"} if board in numbers else {})

    second, third = PhoneNumber("+79211112233"), PhoneNumber("+79311112233")
    await stores.leads.import_list(campaign, "a", [lead(NUMBER, OTHER, board)], now=AT)
    await stores.leads.import_list(autumn, "b", [lead(second, NUMBER), lead(board, third)], now=AT)
    assert await stores.numbers.person(NUMBER) == [OTHER, second]
    assert await stores.numbers.person(board) == []
    assert await stores.numbers.person(third) == []
    assert await stores.numbers.person(PhoneNumber("+12125550123")) == []


async def test_a_block_is_taken_back_where_it_was_made(stores: Stores) -> None:
    await bar(stores, NUMBER, campaign=None, reason="x", now=AT)
    assert not await stores.numbers.unblock(NUMBER, campaign=SPRING)
    assert await stores.numbers.unblock(NUMBER, campaign=None)
    assert not await stores.numbers.unblock(NUMBER, campaign=None)
    assert await why(stores, NUMBER) == ""


async def test_the_list_is_told_with_reasons_and_a_second_block_renews_the_first(stores: Stores) -> None:
    later = AT + timedelta(days=1)
    await bar(stores, "+7903*", campaign=AUTUMN, reason="premium", by="anna")
    await bar(stores, NUMBER, reason="asked")
    await bar(stores, NUMBER, reason="asked again", now=later)
    assert await stores.numbers.blocked(Listed()) == [
        Entry("+7903*", AUTUMN, "premium", AT, by="anna", seen_at=AT),
        Entry(NUMBER, None, "asked again", later, seen_at=later),
    ]


async def test_a_refusal_of_us_does_not_hide_what_the_number_said_before(stores: Stores) -> None:
    rang = record("c-1", number=NUMBER, outcome=Outcome.NO_ANSWER, end_at=AT)
    later = AT + timedelta(minutes=1)
    refused = record("c-2", number=NUMBER, outcome=Outcome.TRUNK_REFUSED, end_at=later)
    await stores.ledger.close([Closing(rang, None, rang.id), Closing(refused, None, refused.id)])
    last = (await stores.numbers.history([NUMBER], SPRING))[NUMBER]
    assert (last.last_outcome, last.last_end_at) == (Outcome.NO_ANSWER, AT)


async def test_the_list_comes_in_pages_of_all_or_of_one_campaign(stores: Stores) -> None:
    for n in range(5):
        await bar(stores, f"+7916000000{n}", campaign=None, reason="", now=AT)
        await bar(stores, f"+7916000000{n}", campaign=AUTUMN, reason="", now=AT)
    await bar(stores, "+79160000002", source="a:b")
    whole = [one.key for one in await stores.numbers.blocked(Listed())]
    assert len(whole) == 11
    paged: list[Key] = []
    after: Key = ("", 0, "")
    while page := await stores.numbers.blocked(Listed(after=after, limit=3)):
        paged += [one.key for one in page]
        after = paged[-1]
    assert paged == whole
    its = await stores.numbers.blocked(Listed(AUTUMN, after=("+79160000001", AUTUMN, ""), limit=2))
    assert [one.entry for one in its] == ["+79160000002", "+79160000003"]
    assert {one.campaign for one in its} == {AUTUMN}
    assert len(await listed(stores, campaign=EVERYWHERE)) == 6
    assert await listed(stores, source="a:b") == [("+79160000002", None, "a:b")]


@pytest.mark.parametrize(
    "entry", ["", "*", "+*", "79161234567", "+7916x", "+0*", "+7**", "+7' OR 1=1 --", "9" * 99]
)
async def test_what_is_no_number_is_refused_with_an_example(stores: Stores, entry: str) -> None:
    with pytest.raises(BadValue, match=r"write a number such as \+79161234567, or a prefix such as \+7916\*"):
        await bar(stores, entry, campaign=None, reason="", now=AT)
    with pytest.raises(BadValue):
        await stores.numbers.unblock(entry, campaign=None)
    assert await stores.numbers.blocked(Listed()) == []


async def test_the_last_attempt_counts_whichever_campaign_made_it(stores: Stores) -> None:
    later = AT + timedelta(hours=2)
    cdrs = [
        record("c-1", number=NUMBER, end_at=later, outcome=Outcome.ABANDONED, campaign=AUTUMN),
        record("c-2", number=NUMBER, end_at=AT, outcome=Outcome.BUSY),
    ]
    await stores.ledger.close([Closing(cdr, None, cdr.id) for cdr in cdrs])
    found = await stores.numbers.history([NUMBER, OTHER, NUMBER], SPRING)
    assert found == {NUMBER: NumberHistory(later, "abandoned", ""), OTHER: NumberHistory()}


async def test_many_numbers_are_asked_at_once(stores: Stores) -> None:
    numbers = [PhoneNumber(f"+7916{n:07}") for n in range(1_200)]
    await bar(stores, numbers[1_100], campaign=None, reason="", now=AT)
    found = await stores.numbers.history(numbers, SPRING)
    assert [number for number in numbers if found[number].dnc] == [numbers[1_100]]
    assert await stores.numbers.history([], SPRING) == {}


async def test_a_number_that_is_asked_alone_has_the_same_history_as_among_others(stores: Stores) -> None:
    await bar(stores, "+7916*", campaign=SPRING, reason="ours", now=AT)
    await bar(stores, OTHER, campaign=None, reason="asked", now=AT)
    longest = PhoneNumber("+" + "7" * 15)
    await bar(stores, "+77*", campaign=None, reason="far", now=AT)
    ends = ((1, Outcome.BUSY), (3, Outcome.NO_ANSWER), (3, Outcome.CONNECTED), (4, Outcome.TRUNK_REFUSED))
    cdrs = [
        record(f"c-{n}", number=NUMBER, end_at=AT + timedelta(minutes=minutes), outcome=outcome)
        for n, (minutes, outcome) in enumerate(ends)
    ]
    await stores.ledger.close([Closing(cdr, None, cdr.id) for cdr in cdrs])
    numbers = [NUMBER, OTHER, longest, PhoneNumber("+" + "7" * 20), PhoneNumber("+4930123456")]
    among = await stores.numbers.history(numbers, SPRING)
    assert (among[NUMBER].last_outcome, among[OTHER].last_end_at) == (Outcome.CONNECTED, None)
    assert all(among[number].dnc for number in numbers[:4])
    for number in numbers:
        assert await stores.numbers.history([number], SPRING) == {number: among[number]}
